"""Limits on size, speed and number of request bodies, enforced in front of Django.

Under ASGI, Django writes the whole body of a request to a temporary file before any of
its own code runs, so a limit inside Django comes too late.
"""

import asyncio
import errno
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import Any, NoReturn

from django.conf import settings
from django.urls import Resolver404, resolve

from slmgen.http import view_limits
from slmgen.http.clients import address_of, network_of
from slmgen.http.error_pages import PAGES, bare_error_page
from slmgen.http.middleware import SAFE_HEADERS

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SLACK_BYTES = 64 * 1024  # allowance for the multipart envelope around a file
SINGLE = {b"content-length", b"host", b"authorization", b"transfer-encoding"}
CLAIMS = {b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
BODY_METHODS = {"POST", "PUT", "PATCH"}
JSON = {"content-type": "application/json"}
SAFE = {"cache-control": "no-store"} | {
    name.lower(): value for name, value in SAFE_HEADERS.items()
}

# The longest pause in a body, and the least speed once it has had time to start.
SECONDS_OF_SILENCE = 15.0
SECONDS_BEFORE_PACE = 20.0
LEAST_BYTES_A_SECOND = 1_000
# Requests that are being answered, each by a thread, and bodies that are being
# received. Fewer bodies, so that slow senders leave room; so does the limit per client.
REQUESTS_AT_ONCE, REQUESTS_OF_ONE = 400, 150
BODIES_AT_ONCE, BODIES_OF_ONE = 150, 75
SECONDS_UNTIL_ROOM = 5
# How much is still read of refused bodies, and of how many at once.
SECONDS_LINGERED = 5.0
MOST_BYTES_LINGERED = 64 * 10**6
LINGERING_AT_ONCE = 200


class Refused(Exception):
    def __init__(self, status: int, detail: str, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class BodyPlaces:
    """Counts open bodies, in total and per client."""

    def __init__(self, what: str, most: int, most_of_one: int) -> None:
        self._what = what
        self._most = most
        self._most_of_one = most_of_one
        self._clients: dict[object, str] = {}

    def take(self, holder: object, client: str) -> None:
        """Raises Refused where no place is free. Taking a place twice changes
        nothing."""
        if holder in self._clients:
            return
        if len(self._clients) >= self._most:
            self._refuse(503, f"arrive at once, over {self._most}")
        if list(self._clients.values()).count(client) >= self._most_of_one:
            where = "come from your address at once"
            self._refuse(429, f"{where}, over {self._most_of_one}")
        self._clients[holder] = client

    def leave(self, holder: object) -> None:
        self._clients.pop(holder, None)

    def _refuse(self, status: int, why: str) -> NoReturn:
        raise Refused(
            status,
            f"Too many {self._what} {why}; try again in {SECONDS_UNTIL_ROOM} seconds.",
            SECONDS_UNTIL_ROOM,
        )


def guard(app: App) -> App:
    requests = BodyPlaces("requests", REQUESTS_AT_ONCE, REQUESTS_OF_ONE)
    bodies = BodyPlaces("uploads", BODIES_AT_ONCE, BODIES_OF_ONE)
    lingering = BodyPlaces("refusals", LINGERING_AT_ONCE, LINGERING_AT_ONCE)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        scope = without_claims(scope)
        client = client_of(scope)
        body = Body(receive, bodies, client)
        started = False

        async def tracking_send(message: Message) -> None:
            nonlocal started
            started = True
            if is_event_stream(message):
                requests.leave(
                    body
                )  # holds no thread; jobs.training.streams limits these
            await send(message)

        try:
            body.check(scope)
            requests.take(body, client)
            await app(scope, body.receive, tracking_send)
        except (Refused, OSError) as error:
            if started:
                raise
            refusal = as_refusal(error)
            await answer(scope, send, refusal)
            requests.leave(body)
            bodies.leave(body)
            if refusal.status != 408:
                await linger(receive, body, lingering)
            await send({"type": "http.response.body", "body": b""})
        finally:
            requests.leave(body)
            bodies.leave(body)

    return guarded


def is_event_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value == b"text/event-stream"
        for name, value in message.get("headers", ())
    )


def as_refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refused(507, "No space is left on this server; try again later.")
    raise error


def without_claims(scope: Scope) -> Scope:
    """The scope without X-Forwarded headers, unless a trusted proxy sent them."""
    if settings.SLMGEN_TRUSTED_PROXIES and is_proxy(scope.get("client")):
        return scope
    kept = [line for line in scope["headers"] if line[0].lower() not in CLAIMS]
    return {**scope, "headers": kept}


def is_proxy(client: tuple[str, int] | None) -> bool:
    if client is None:  # a Unix socket
        return True
    address = ip_address(client[0])
    return any(
        address in ip_network(network) for network in settings.SLMGEN_PROXY_ADDRESSES
    )


def client_of(scope: Scope) -> str:
    """The network that a request counts for, from a scope without untrusted headers."""
    claims = [
        value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() == b"x-forwarded-for"
    ]
    peer = scope.get("client") or ("",)
    return network_of(address_of(peer[0], ",".join(claims)))


def limit_of(path: str) -> int:
    try:
        is_large = view_limits.may_be_large(resolve(path).func)
    except Resolver404:
        is_large = False
    if is_large:
        return int(settings.SLMGEN_MAX_UPLOAD_BYTES) + SLACK_BYTES
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) + SLACK_BYTES


@dataclass(frozen=True)
class Expected:
    """What a request's head announces about its body."""

    most_bytes: int
    is_empty: bool


def check_head(scope: Scope) -> Expected:
    """Raises Refused when the head announces too much."""
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
        is_chunked = b"transfer-encoding" in values
        if scope["method"] in BODY_METHODS and is_chunked:
            raise Refused(411, "Send the body with a Content-Length header.")
        return Expected(limit, is_empty=not is_chunked)
    if not length.isdigit() or len(length) > 15:
        raise Refused(400, "Content-Length must be a number of bytes.")
    if int(length) > limit:
        raise Refused(413, too_large_sentence(limit))
    return Expected(limit, is_empty=int(length) == 0)


def too_large_sentence(limit: int) -> str:
    return (
        f"The request is larger than {limit // 10**6} MB; expected at most that much "
        "at this address; split the file or compress it with gzip."
    )


class Body:
    """The body of a request, counted and timed while it is received."""

    def __init__(self, receive: Receive, places: BodyPlaces, client: str) -> None:
        self._receive = receive
        self._places = places
        self._client = client
        self._expected = Expected(0, is_empty=True)
        self._received = 0
        self._begun = time.monotonic()
        self.is_whole = False

    def check(self, scope: Scope) -> None:
        self._expected = check_head(scope)

    async def receive(self) -> Message:
        if self.is_whole:  # what follows is the client's disconnect, whenever it comes
            return await self._receive()
        if not self._expected.is_empty:
            self._places.take(self, self._client)
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
        if self._received > self._expected.most_bytes:
            raise Refused(413, too_large_sentence(self._expected.most_bytes))
        if self.is_whole:
            self._places.leave(self)
        else:
            self._check_pace()
        return message

    def _check_pace(self) -> None:
        """Raises Refused when the body is too slow."""
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


async def linger(receive: Receive, body: Body, lingering: BodyPlaces) -> None:
    """Reads on for a while: a client that is still sending when the connection closes
    never sees the response."""
    left = 0 if body.is_whole else MOST_BYTES_LINGERED
    try:
        lingering.take(body, "")
        async with asyncio.timeout(SECONDS_LINGERED):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except (TimeoutError, Refused):
        return
    finally:
        lingering.leave(body)
