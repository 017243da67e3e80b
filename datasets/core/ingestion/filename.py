import unicodedata

MAX_CHARACTERS = 255
UNNAMED = "dataset.jsonl"


def clean_filename(name: str) -> str:
    """The base name a person gave, without paths or characters that cannot be seen."""
    base = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(
        character for character in base if unicodedata.category(character)[0] != "C"
    )
    kept = seen.strip()[-MAX_CHARACTERS:]
    return kept if kept.strip(".") else UNNAMED
