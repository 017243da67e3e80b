"""Writes the table of docs/faults.md from the catalog:

python -m datasets.core.faults.document
"""

from pathlib import Path

from datasets.core.faults.catalog import KINDS, FaultKind, Severity

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/faults.md"
START = "<!-- Written by `python -m datasets.core.faults.document`: -->\n"
END = "<!-- Up to here. -->\n"
HEAD = """\
| kind | what | weight | why it matters | fixed here |
|---|---|---:|---|---|
"""


def with_table(text: str) -> str:
    """The document `text` with a new table between its two marks."""
    before, after = text[: text.index(START)], text[text.index(END) :]
    return f"{before}{START}\n{HEAD}{''.join(map(_line, KINDS.values()))}\n{after}"


def _line(kind: FaultKind) -> str:
    weight = "left out" if kind.severity == Severity.BLOCKS else kind.weight
    fixer = kind.fixer_words + " (safe)" * kind.is_safe
    return (
        f"| `{kind.name}` | {kind.title} | {weight} | {kind.why} | {fixer or '–'} |\n"
    )


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text("utf-8")), "utf-8")
