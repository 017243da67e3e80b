from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from slmgen.errors import TooLarge


class StrictJSONParser(BaseParser):
    """JSON bodies: bounded in size and depth, no NaN, no unpaired surrogates, no NUL.

    DRF's own parser answers a deeply nested body with a 500.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The JSON body is larger than {limit:,} bytes.")
        try:
            value = msgspec.json.decode(body)
        except RecursionError:
            raise ParseError("The JSON body is nested too deeply.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParseError(
                f"The body is not valid JSON ({error}); send one JSON object."
            ) from None
        if not isinstance(value, dict):
            raise ParseError("The JSON body must be an object, such as {}.")
        if b"\\u0000" in body and _has_nul(value):
            raise ParseError("The JSON body holds a NUL character; remove it.")
        return value


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_has_nul, value))
