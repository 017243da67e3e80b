from collections.abc import AsyncIterator
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

CHUNK_BYTES = 256 * 1024


def streamed(file: BinaryIO, *, filename: str, kind: str) -> StreamingHttpResponse:
    """`file` as a download, piece by piece; closes it.

    An ordinary file response is read into memory whole when it is served by ASGI.
    """
    return StreamingHttpResponse(
        _chunks(file),
        content_type=kind,
        headers={
            "Content-Disposition": f'attachment; filename="{filename}"',
            "Cache-Control": "no-store",
        },
    )


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await sync_to_async(file.read)(CHUNK_BYTES):
            yield chunk
    finally:
        await sync_to_async(file.close)()
