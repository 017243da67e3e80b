from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from datasets.core.tokens import VocabularyError, token_counter


@register()
def encoding_is_known(**kwargs: Any) -> list[CheckMessage]:
    """The vocabulary loads and is the published one, before anything is counted."""
    try:
        token_counter(settings.SLMGEN_ENCODING)
    except VocabularyError as error:
        hint = "Set SLMGEN_ENCODING to o200k_base or cl100k_base."
        return [Error(f"Tokens cannot be counted: {error}.", hint, id="datasets.E001")]
    return []
