"""Embeds a dataset in a notebook: bz2 and base64, readable with plain Python."""

import base64
import bz2
import hashlib
import textwrap
from dataclasses import dataclass

LINE_CHARACTERS = 120


@dataclass(frozen=True)
class Embedded:
    sha256: str  # of the uncompressed data
    text: str  # empty when the data is too large to be embedded

    @property
    def is_inside(self) -> bool:
        return bool(self.text)


def embed(data: bytes, *, max_bytes: int) -> Embedded:
    """`data` as text, or only its hash when the text would exceed `max_bytes`."""
    sha256 = hashlib.sha256(data).hexdigest()
    text = base64.b64encode(bz2.compress(data, 9)).decode("ascii")
    if len(text) > max_bytes:
        return Embedded(sha256, "")
    return Embedded(sha256, "\n".join(textwrap.wrap(text, LINE_CHARACTERS)))
