"""Which datasets a test reads: our own, and real ones where a folder of them is named.

A test that holds for datasets of both kinds lists them as parameters:

    @pytest.mark.parametrize("source", [own("quiz_ja.chat.jsonl"),
                                        real("gsm8k_1500.chat.jsonl")])
    def test_a_claim(source):
        content = source.path.read_bytes()

Our own are made by `tests/corpus`. Real ones are public datasets that the repository
does not hold; the environment variable SLMGEN_REAL_DATA names their folder. Without it
tests that are marked `real_data` are left out.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import files

VARIABLE = "SLMGEN_REAL_DATA"
REAL_CHAT_FILES = (
    "banking77.chat.jsonl",
    "glaive_toolcall_en.chat.jsonl",
    "gsm8k_1500.chat.jsonl",
    "identity_91.chat.jsonl",
    "jcommonsenseqa_ja.chat.jsonl",
    "kdconv_film_zh.chat.jsonl",
    "korean_chatbot_5000.chat.jsonl",
    "user_oriented_252.chat.jsonl",
    "xquad_ar.chat.jsonl",
)
REAL_FILES = (
    *REAL_CHAT_FILES,
    "README.md",  # with their published figures
    "banking77.csv",
    "fastchat_dummy.sharegpt.json",
    "glaive_toolcall_en.sharegpt.json",
    "gpteacher_roleplay.alpaca_response.json",
    "gsm8k_300.parquet",
    "korean_chatbot.csv",
    "nl2bash_3000.prompt_completion.jsonl",
    "self_instruct_seed.alpaca.json",
)


@dataclass(frozen=True)
class Source:
    name: str
    is_real: bool

    @property
    def path(self) -> Path:
        return real_folder() / self.name if self.is_real else files.path_of(self.name)

    def beside(self, name: str) -> "Source":
        """Another file of the same kind, such as the same examples in another form."""
        return Source(name, self.is_real)


def own(name: str, *more: Any) -> Any:
    """A parameter of a test: a dataset of the corpus, and what the test needs more."""
    assert name in files.FILES, f"{name} is not in the corpus"
    return pytest.param(Source(name, False), *more, id=name)


def real(name: str, *more: Any) -> Any:
    """A parameter that is left out where there are no real datasets."""
    assert name in REAL_FILES, f"{name} is not in REAL_FILES"
    marks = pytest.mark.real_data
    return pytest.param(Source(name, True), *more, id=name, marks=marks)


def real_folder() -> Path:
    return Path(os.environ[VARIABLE]).resolve()


def is_left_out() -> bool:
    return not os.environ.get(VARIABLE)


def complaint() -> str:
    """What is wrong with the folder that the variable names; empty for nothing."""
    folder = real_folder()
    if not folder.is_dir():
        return (
            f"{VARIABLE} names {folder}, which is no folder; expected one with real "
            "datasets; name another, or unset the variable to leave their tests out."
        )
    missing = [name for name in REAL_FILES if not (folder / name).is_file()]
    if missing:
        return (
            f"{VARIABLE} names {folder}, which lacks {', '.join(missing)}; expected "
            "all files that tests/sources.py lists; add them, or unset the variable "
            "to leave their tests out."
        )
    return ""
