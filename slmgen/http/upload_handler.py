from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from slmgen.errors import TooLarge


def too_large() -> TooLarge:
    limit = settings.SLMGEN_MAX_UPLOAD_BYTES // 10**6
    return TooLarge(
        f"The file is larger than {limit} MB; expected at most that much; split it or "
        "compress it with gzip."
    )


class LimitedUploadHandler(TemporaryFileUploadHandler):
    """Streams an upload to disk and stops at the size limit, not after it."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > settings.SLMGEN_MAX_UPLOAD_BYTES:
            self.file.close()
            raise too_large()
        super().receive_data_chunk(raw_data, start)
