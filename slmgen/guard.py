"""Size limits in front of Django.

Under ASGI, Django writes the whole body of a request to a temporary file before any of
its own code runs, so a limit inside Django comes too late.
"""

import errno
import json
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from django.conf import settings

from slmgen.page_errors import PAGES, bare_error_page

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SLACK_BYTES = 64 * 1024  # the multipart envelope around a file
SINGLE = {b"content-length", b"host", b"authorization", b"transfer-encoding"}
BODY_METHODS = {"POST", "PUT", "PATCH"}
JSON = {"content-type": "application/json"}


class Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def guard(app: App) -> App:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = False

        async def tracking_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            limit = check_head(scope)
            await app(scope, limited(receive, limit), tracking_send)
        except (Refused, OSError) as error:
            if started:
                raise
            await answer(scope, send, as_refusal(error))

    return guarded


def as_refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refused(507, "No space is left on this server; try again later.")
    raise error


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


def limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def counting_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise Refused(413, too_large_sentence(limit))
        return message

    return counting_receive


async def answer(scope: Scope, send: Send, refusal: Refused) -> None:
    body, headers = json.dumps({"detail": refusal.detail}).encode(), JSON
    if scope["path"].startswith(PAGES):
        body, headers = bare_error_page(HTTPStatus(refusal.status), refusal.detail)
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines += [
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send(
        {"type": "http.response.start", "status": refusal.status, "headers": lines}
    )
    await send({"type": "http.response.body", "body": body})
