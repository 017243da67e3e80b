from collections.abc import AsyncIterator, Iterator
from typing import cast

from asgiref.sync import SyncToAsync, sync_to_async
from django.http import FileResponse, StreamingHttpResponse

from slmgen.db.connections import release_connection


async def release_database() -> None:
    """Returns the request's connection, which would be held until the last byte is
    read: a few clients that read slowly could hold all of them."""
    await sync_to_async(release_connection)()


async def release_thread() -> None:
    """Also ends the request's thread; code that needs one later gets a new one."""
    await release_database()
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        executor = SyncToAsync.context_to_thread_executor.pop(context, None)
        if executor is not None:
            executor.shutdown(wait=False)


class Streamed(StreamingHttpResponse):
    """A response that is sent while it is generated; under ASGI, Django would collect
    all of it first. No chunk may be empty."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await release_database()
        pieces = cast("Iterator[bytes]", self.streaming_content)
        following = sync_to_async(lambda: next(pieces, b""))
        while piece := await following():
            yield piece


class Download(Streamed, FileResponse):
    """A file, in chunks."""

    block_size = 256 * 1024
