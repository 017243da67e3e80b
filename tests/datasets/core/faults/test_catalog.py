"""The entries of the catalog, held to what the rest of the code makes of them."""

import pytest

from datasets.core.faults import catalog
from datasets.core.faults.catalog import KINDS, Severity
from datasets.core.fixes.operations import FIXERS, REPAIR_KINDS
from datasets.core.presentation.fix_options import for_fault


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_entry_is_found_by_its_name(kind):
    assert getattr(catalog, kind.name.upper()) is kind


def test_no_two_entries_have_one_name():
    entries = [
        each for each in vars(catalog).values() if type(each) is type(catalog.NUL)
    ]

    assert len(entries) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_fixer_exists_and_has_its_words(kind):
    assert kind.fixer in {None, "map_roles", *FIXERS}
    assert "map_roles" in REPAIR_KINDS
    assert bool(kind.fixer) == bool(kind.fixer_words)
    assert kind.fixer or not kind.is_safe


def test_every_fixer_mends_a_kind():
    assert set(FIXERS) < {kind.fixer for kind in KINDS.values()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_blocks_has_no_weight(kind):
    assert (kind.severity == Severity.BLOCKS) == (kind.weight is None)
    assert kind.weight is None or 0 < kind.weight < 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("role", [("Rename roles", ""), ("Drop these rows", "")]),
        ("mojibake", [("Fix them", "decoded again, where nothing was lost"),
                      ("Drop these rows", "")]),
        ("refusal", [("Drop these rows", "")]),
    ],
)  # fmt: skip
def test_a_page_offers_the_fixer_and_the_removal_of_rows(name, expected):
    options = for_fault(name)

    assert [(option.title, option.about) for option in options] == expected
