"""What the page of a row says about what a model sees."""

import pytest

from notebooks.core.chat import templates
from notebooks.sight import sight_of
from recommender.services import catalog

TALK = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi there"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "More?"},
        {"role": "assistant", "content": "No."},
    ]
}
SLUGS = [model.slug for model in catalog().models]


def graded(sight):
    return [piece.text for piece in sight.pieces if piece.is_graded]


@pytest.mark.parametrize("slug", SLUGS)
def test_in_every_model_s_template_the_answers_and_nothing_else_are_graded(slug):
    model = catalog().get(slug)

    found = sight_of(TALK, model)

    end = templates()[slug].assistant[1].strip()
    texts = graded(found)
    assert found.why_not == ""
    assert [text.strip().removesuffix("<|EOT|>").strip() for text in texts] == [
        f"Hello.{end}".removesuffix("<|EOT|>").strip(),
        f"No.{end}".removesuffix("<|EOT|>").strip(),
    ]
    assert 0 < found.graded < found.seen
