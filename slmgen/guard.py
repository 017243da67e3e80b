"""Limits in front of Django: size, pace and number of what is being sent.

Under ASGI, Django writes the whole body of a request to a temporary file before any of
its own code runs, so a limit inside Django comes too late.
"""

import asyncio
import errno
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings

from slmgen.middleware import SAFE_HEADERS
from slmgen.page_errors import PAGES, bare_error_page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SLACK_BYTES = 64 * 1024  # the multipart envelope around a file
SINGLE = {b"content-length", b"host", b"authorization", b"transfer-encoding"}
CLAIMS = {b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
BODY_METHODS = {"POST", "PUT", "PATCH"}
JSON = {"content-type": "application/json"}
SAFE = {"cache-control": "no-store"} | {
    name.lower(): value for name, value in SAFE_HEADERS.items()
}

# A body may pause this long, and comes at this pace once it has had time to begin.
SECONDS_OF_SILENCE = 15.0
SECONDS_BEFORE_PACE = 20.0
LEAST_BYTES_A_SECOND = 1_000
# Bodies that are being received: fewer than the requests that the server takes at once,
# so slow senders leave room for others.
BODIES_AT_ONCE = 150
# What is still read of a body that was refused.
SECONDS_LINGERED = 5.0
MOST_BYTES_LINGERED = 64 * 10**6


class Refused(Exception):
    def __init__(self, status: int, detail: str, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


def guard(app: App) -> App:
    bodies: set[Body] = set()  # those that are being received

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = False
        body: Body | None = None

        async def tracking_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            scope = without_claims(scope)
            body = Body(receive, check_head(scope), bodies)
            await app(scope, body.receive, tracking_send)
        except (Refused, OSError) as error:
            if started:
                raise
            refusal = as_refusal(error)
            await answer(scope, send, refusal)
            if refusal.status != 408:
                await linger(receive, body)
            await send({"type": "http.response.body", "body": b""})
        finally:
            if body is not None:
                bodies.discard(body)

    return guarded


def as_refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refused(507, "No space is left on this server; try again later.")
    raise error


def without_claims(scope: Scope) -> Scope:
    """The request without what it says about a proxy, unless a known one sent it."""
    if settings.SLMGEN_TRUSTED_PROXIES and is_proxy(scope.get("client")):
        return scope
    kept = [line for line in scope["headers"] if line[0].lower() not in CLAIMS]
    return {**scope, "headers": kept}


def is_proxy(client: tuple[str, int] | None) -> bool:
    if client is None:  # a socket of this machine's file system
        return True
    address = ip_address(client[0])
    return any(
        address in ip_network(network) for network in settings.SLMGEN_PROXY_ADDRESSES
    )


def limit_of(path: str) -> int:
    if path in {"/upload", "/app/"}:
        return int(settings.SLMGEN_MAX_UPLOAD_BYTES) + SLACK_BYTES
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) + SLACK_BYTES


def check_head(scope: Scope) -> int:
    """The most bytes this request may send; Refused when its head says too much."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    names = Counter(name.lower() for name, _ in headers)
    if doubled := [name.decode() for name in SINGLE if names[name] > 1]:
        raise Refused(400, f"The header {doubled[0]} was sent twice.")
    values = {name.lower(): value for name, value in headers}
    if values.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(
            415, "Send the body without Content-Encoding; a .gz file is fine."
        )
    limit = limit_of(scope["path"])
    length = values.get(b"content-length")
    if length is None:
        if scope["method"] in BODY_METHODS and b"transfer-encoding" in values:
            raise Refused(411, "Send the body with a Content-Length header.")
        return limit
    if not length.isdigit() or len(length) > 15:
        raise Refused(400, "Content-Length must be a number of bytes.")
    if int(length) > limit:
        raise Refused(413, too_large_sentence(limit))
    return limit


def too_large_sentence(limit: int) -> str:
    return (
        f"The request is larger than {limit // 10**6} MB; expected at most that much "
        "at this address; split the file or compress it with gzip."
    )


class Body:
    """What a request sends, counted and timed while it is received."""

    def __init__(self, receive: Receive, limit: int, others: "set[Body]") -> None:
        self._receive = receive
        self._limit = limit
        self._others = others
        self._received = 0
        self._begun = time.monotonic()
        self.is_whole = False

    async def receive(self) -> Message:
        if self.is_whole:  # what follows is the client going away, whenever it does
            return await self._receive()
        try:
            async with asyncio.timeout(SECONDS_OF_SILENCE):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                408,
                f"Nothing came for {SECONDS_OF_SILENCE:.0f} seconds; send it again.",
            ) from None
        self._received += len(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self._received > self._limit:
            raise Refused(413, too_large_sentence(self._limit))
        if self.is_whole:
            self._others.discard(self)
        else:
            self._go_on()
        return message

    def _go_on(self) -> None:
        """Raises Refused when the rest is not worth waiting for."""
        if self not in self._others and len(self._others) >= BODIES_AT_ONCE:
            raise Refused(
                503, "Too many uploads arrive at once; try again in 5 seconds.", 5
            )
        self._others.add(self)
        seconds = time.monotonic() - self._begun
        is_slow = self._received < seconds * LEAST_BYTES_A_SECOND
        if is_slow and seconds > SECONDS_BEFORE_PACE:
            raise Refused(
                408,
                f"The body comes slower than {LEAST_BYTES_A_SECOND:,} bytes a second; "
                "send it again over a faster connection.",
            )


async def answer(scope: Scope, send: Send, refusal: Refused) -> None:
    body, headers = json.dumps({"detail": refusal.detail}).encode(), JSON | SAFE
    if scope["path"].startswith(PAGES):
        body, headers = bare_error_page(HTTPStatus(refusal.status), refusal.detail)
        headers |= SAFE
    if refusal.retry_after:
        headers["retry-after"] = str(refusal.retry_after)
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines += [
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send(
        {"type": "http.response.start", "status": refusal.status, "headers": lines}
    )
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def linger(receive: Receive, body: Body | None) -> None:
    """Reads on for a while: a client that is still sending when its connection closes
    never sees the answer."""
    left = 0 if body is not None and body.is_whole else MOST_BYTES_LINGERED
    try:
        async with asyncio.timeout(SECONDS_LINGERED):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
