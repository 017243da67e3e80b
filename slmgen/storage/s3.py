"""Files in an S3-compatible object storage, read by ranges."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from django.utils.deconstruct import deconstructible
from storages.backends.s3 import S3Storage

from slmgen.storage.local import Stored

PART_BYTES = 16 * 2**20  # of a multipart upload, which has at most 10,000 parts
FIRST_READ_BYTES = 64 * 2**10
LARGEST_READ_BYTES = 8 * 2**20
IN_PARTS = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES
)
SECONDS_OF_A_LINK = 60
NOT_FOUND = {"404", "NoSuchKey", "NotFound"}

Fetch = Callable[[int, int], bytes]  # the bytes from one position up to another


class RangedFile(io.RawIOBase):
    """Fetches what is read and a little more.

    Each read that continues where the last one ended fetches twice as much, so a page
    costs little and a whole file few requests.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        self.fetch = fetch
        self.size = size
        self.position = 0
        self.piece = b""
        self.piece_start = 0
        self.step = FIRST_READ_BYTES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}
        self.position = max(base[whence] + offset, 0)
        return self.position

    def readinto(self, buffer: Any) -> int:
        if self.position >= self.size:
            return 0
        piece_end = self.piece_start + len(self.piece)
        if not self.piece_start <= self.position < piece_end:
            goes_on = bool(self.piece) and self.position == piece_end
            self._fetch_piece(len(buffer), goes_on=goes_on)
        start = self.position - self.piece_start
        part = self.piece[start : start + len(buffer)]
        buffer[: len(part)] = part
        self.position += len(part)
        return len(part)

    def _fetch_piece(self, wanted: int, *, goes_on: bool) -> None:
        step = min(self.step * 2, LARGEST_READ_BYTES) if goes_on else FIRST_READ_BYTES
        self.step = step
        end = min(self.position + max(step, wanted), self.size)
        self.piece_start = self.position
        self.piece = self.fetch(self.position, end)
        if len(self.piece) != end - self.position:
            raise OSError("the object storage answered fewer bytes than asked for")


class NeverClosed:
    """Wraps a file for boto3, which closes what it is given."""

    def __init__(self, file: File) -> None:  # type: ignore[type-arg]  # generic in stubs only
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Does nothing: the caller still needs the file."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns boto3's errors into those of a local disk."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_FOUND:
            raise FileNotFoundError("there is no such object") from error
        raise OSError(f"object storage: {error.response['Error']['Code']}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise OSError(f"object storage: {type(error).__name__}") from error


@cache
def client_of(
    endpoint: str | None, access_key: str | None, secret_key: str | None, region: str
) -> Any:
    """One client for all threads: creating one takes longer than most requests."""
    return boto3.session.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
    ).client(
        "s3",
        endpoint_url=endpoint,
        config=Config(
            s3={"addressing_style": "path" if endpoint else "auto"},
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=50,
            retries={"mode": "standard", "max_attempts": 4},
            # Some S3-compatible servers do not support the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@deconstructible(path="slmgen.storage.s3.ObjectStorage")
class ObjectStorage(S3Storage):  # type: ignore[misc]  # not annotated
    """Private objects, readable by this server and through its short-lived links."""

    is_local = False

    def __init__(self, *, public_endpoint: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.public_endpoint = public_endpoint or self.endpoint_url

    def is_being_copied(self) -> bool:
        """False: a backup of a bucket relies on its versioning."""
        return False

    def _client_at(self, endpoint: str | None) -> Any:
        return client_of(endpoint, self.access_key, self.secret_key, self.region_name)

    @property
    def client(self) -> Any:
        return self._client_at(self.endpoint_url)

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]  # generic in stubs only
        def fetch(start: int, end: int) -> bytes:
            with translated_errors():
                answer = self.client.get_object(
                    Bucket=self.bucket_name, Key=name, Range=f"bytes={start}-{end - 1}"
                )
                return cast("bytes", answer["Body"].read())

        raw = RangedFile(fetch, self.size(name))
        return File(io.BufferedReader(raw, FIRST_READ_BYTES), name)

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]  # as above
        content.seek(0)
        with translated_errors():
            self.client.upload_fileobj(
                NeverClosed(content), self.bucket_name, name, Config=IN_PARTS
            )
        return name

    def delete(self, name: str) -> None:
        with translated_errors():
            self.client.delete_object(Bucket=self.bucket_name, Key=name)

    def exists(self, name: str) -> bool:
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        with translated_errors():
            head = self.client.head_object(Bucket=self.bucket_name, Key=name)
        return int(head["ContentLength"])

    def listing(self) -> Iterator[Stored]:
        pages = self.client.get_paginator("list_objects_v2")
        with translated_errors():
            for page in pages.paginate(Bucket=self.bucket_name):
                for entry in page.get("Contents", ()):
                    yield Stored(entry["Key"], entry["Size"], entry["LastModified"])

    def link(self, name: str, filename: str) -> str:
        """An address that downloads the object, without signing in, for one minute."""
        asked = {
            "Bucket": self.bucket_name,
            "Key": name,
            "ResponseContentDisposition": f'attachment; filename="{filename}"',
        }
        link = self._client_at(self.public_endpoint).generate_presigned_url(
            "get_object", Params=asked, ExpiresIn=SECONDS_OF_A_LINK
        )
        return cast("str", link)
