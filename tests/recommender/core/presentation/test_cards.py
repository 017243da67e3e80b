"""A ranking as cards."""

from recommender.core.catalog.catalog import Target
from recommender.core.presentation.cards import cards
from recommender.core.ranking.ranking import rank
from tests.recommender.core.ranking.test_constraints import need
from tests.recommender.test_recommender import CATALOG


def test_reasons_and_what_would_change_are_two_lists_of_a_card():
    found = rank(CATALOG, need(Target.CLOUD))

    best, card = found.recommended[0], cards(found)[0]
    assert best.others_first
    assert card.reasons == best.reasons
    assert card.would_change_if[: len(best.others_first)] == best.others_first


def test_in_the_one_list_of_the_api_changes_follow_the_reasons_of_the_best():
    best, *others = rank(CATALOG, need(Target.CLOUD)).recommended

    changes = [f"Would change if {text}" for text in best.others_first]
    assert best.all_reasons == (*best.reasons, *changes)
    assert not any(other.others_first for other in others)
    assert all(other.all_reasons == other.reasons for other in others)
