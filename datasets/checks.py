from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from datasets.core.tokenization.counter import VocabularyError, token_counter

SAMPLE = ["Hello, world! 12345 tokens", "Größe – 你好 مرحبا 😀\n\n  <|endoftext|>"]


@register()
def tokens_are_counted(**kwargs: Any) -> list[CheckMessage]:
    """The vocabulary is the published one and the counter agrees with tiktoken."""
    encoding, library = settings.SLMGEN_ENCODING, settings.SLMGEN_TOKENIZER
    try:
        counts = token_counter(encoding, library)(SAMPLE)
        reference = token_counter(encoding, "tiktoken")(SAMPLE)
    except VocabularyError as error:
        hint = "Set SLMGEN_ENCODING to o200k_base or cl100k_base."
        return [Error(f"Tokens cannot be counted: {error}.", hint, id="datasets.E001")]
    if counts != reference:
        hint = "Set SLMGEN_TOKENIZER to tiktoken."
        text = f"{library} counts other tokens than tiktoken."
        return [Error(text, hint, id="datasets.E002")]
    return []
