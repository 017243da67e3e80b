"""What a model sees, by the notebook's own functions."""

import pytest

from datasets.core.tokenization.vocabularies import encoder_of
from notebooks.core.preview.chat_templates import (
    StandIn,
    TemplateRefuses,
    render,
)
from notebooks.core.preview.model_view import NAMES, mask_code
from notebooks.generation import cells
from notebooks.pages.model_view import view_by
from recommender.services import catalog

SLUGS = [model.slug for model in catalog().models]
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi there"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "More?"},
    {"role": "assistant", "content": "No."},
]


@pytest.mark.parametrize("slug", SLUGS)
def test_in_every_model_s_template_the_answers_and_their_ends_are_graded(slug):
    found = view_by({"messages": TALK}, catalog().get(slug))

    end = catalog().get(slug).template.assistant[1].rstrip("\n")
    texts = [piece.text for piece in found.pieces if piece.is_graded]
    assert texts == [f"Hello.{end}", f"No.{end}"]
    assert 0 < found.graded < found.seen


@pytest.mark.parametrize("slug", SLUGS)
def test_the_markers_are_those_that_are_published(slug):
    model = catalog().get(slug)

    text = render(model.template, TALK[1:], prompt=False)

    assert f"{model.chat['user_marker']}Hi there" in text
    assert f"{model.chat['turn_end']}" in text
    assert text.index(model.chat["assistant_marker"]) < text.index("Hello.")


def test_the_code_is_the_notebook_s_and_a_lost_function_is_noticed():
    names = {"THINKING": False}
    exec(mask_code(cells()), names)  # noqa: S102  # our own program
    changed = [cell for cell in cells() if "mask" not in cell.tags]

    assert set(names) >= NAMES
    with pytest.raises(StopIteration):
        mask_code(changed)


@pytest.mark.parametrize("slug", ["qwen3-0.6b", "qwen3.5-2b", "phi-4-mini"])
def test_the_places_of_tokens_cover_the_text(slug):
    model = catalog().get(slug)
    text = "Größe 12345 世界 <|im_end|> 👩‍🚀 don't\n\n  x"
    stand_in = StandIn(model.template, encoder_of(model.vocabulary.encoding))

    offsets = stand_in(text)["offset_mapping"]

    starts = [start for start, _ in offsets]
    assert starts == sorted(starts)
    assert (starts[0], max(end for _, end in offsets)) == (0, len(text))


def test_text_in_decomposed_characters_is_read_composed():
    talk = [
        {"role": "user", "content": "u\u0308"},
        {"role": "assistant", "content": "o\u0308!"},
    ]

    found = view_by({"messages": talk}, catalog().get("qwen3-0.6b"))

    assert [p.text for p in found.pieces if p.is_graded] == ["ö!<|im_end|>"]


def test_a_tokenizer_without_vocabulary_counts_no_tokens():
    with pytest.raises(TemplateRefuses):
        StandIn(catalog().get("gemma-3-1b").template, None)("text")


def test_what_cannot_be_shown_is_said():
    talk = [*TALK[1:3], TALK[3], {"role": "assistant", "content": "<think>x</think>y"}]

    found = view_by({"messages": talk, "tools": [{}]}, catalog().get("mistral-7b"))

    assert [note.split()[0] for note in found.notes] == ["No", "Drawn", "Each", "This"]
