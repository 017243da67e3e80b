"""Small sample datasets of our own, to try everything with."""

from dataclasses import dataclass
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile

FOLDER = Path(__file__).with_name("sample_data")


@dataclass(frozen=True)
class Sample:
    name: str
    title: str
    about: str


SAMPLES = (
    Sample(
        "support",
        "Support chat",
        "81 conversations with a shop's help desk, some with faults to find.",
    ),
    Sample(
        "classification",
        "Classification",
        "96 messages, each answered with one of six labels.",
    ),
    Sample(
        "tools",
        "Tool calls",
        "60 requests that the assistant answers by calling functions.",
    ),
)


def sample_file(name: str) -> SimpleUploadedFile:
    content = (FOLDER / f"{name}.jsonl").read_bytes()
    return SimpleUploadedFile(f"{name}.jsonl", content)
