from collections.abc import AsyncIterator, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.http import FileResponse


class Download(FileResponse):
    """A file, piece by piece; under ASGI Django would read all of it first."""

    block_size = 256 * 1024

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = cast("Iterator[bytes]", self.streaming_content)
        following = sync_to_async(lambda: next(pieces, b""))
        while piece := await following():
            yield piece
