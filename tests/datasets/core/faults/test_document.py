import pytest

from datasets.core.faults import document
from datasets.core.faults.catalog import KINDS


def test_the_document_has_the_table_of_the_catalog():
    text = document.DOCUMENT.read_text(encoding="utf-8")

    assert text == document.with_table(text), "python -m datasets.core.faults.document"


def test_a_stale_table_is_replaced_and_nothing_else():
    text = f"before\n{document.START}\n| old |\n\n{document.END}after\n"

    written = document.with_table(text)

    assert "| old |" not in written
    assert written.startswith(f"before\n{document.START}\n{document.HEAD}")
    assert written.endswith(f"|\n\n{document.END}after\n")
    assert [name for name in KINDS if f"| `{name}` |" not in written] == []


def test_a_document_without_marks_is_left_alone():
    with pytest.raises(ValueError, match="substring not found"):
        document.with_table("nothing")
