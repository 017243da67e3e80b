from collections.abc import AsyncIterator, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.http import FileResponse, StreamingHttpResponse


class Streamed(StreamingHttpResponse):
    """An answer that goes out as it is made; under ASGI Django would make all of it
    first. No piece may be empty."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = cast("Iterator[bytes]", self.streaming_content)
        following = sync_to_async(lambda: next(pieces, b""))
        while piece := await following():
            yield piece


class Download(Streamed, FileResponse):
    """A file, piece by piece."""

    block_size = 256 * 1024
