import unicodedata

MAX_CHARACTERS = 255
UNNAMED = "dataset.jsonl"


def clean_filename(name: str) -> str:
    """The base name of an uploaded file, without paths and invisible characters."""
    base = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(
        character for character in base if unicodedata.category(character)[0] != "C"
    )
    kept = seen.strip()[-MAX_CHARACTERS:]
    return kept if kept.strip(".") else UNNAMED
