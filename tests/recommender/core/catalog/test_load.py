"""The catalog's file, and what is refused in it."""

import pytest

from datasets.core.tokenization.vocabularies import ENCODINGS
from recommender.checks import catalog_is_sound
from recommender.core.catalog.load import load
from recommender.core.catalog.tables import CatalogError
from recommender.services import CATALOG_PATH
from slmgen.errors import InvalidInput
from tests.recommender.test_recommender import CATALOG


def test_the_catalog_holds_what_our_versions_load():
    assert len(CATALOG.models) == 41
    assert CATALOG.get("phi-4-mini").size == "3.8B"
    assert CATALOG.get("GOOGLE/gemma-3-270m-it").slug == "gemma-3-270m"


def test_an_unknown_model_is_refused_with_those_that_exist():
    with pytest.raises(InvalidInput, match="expected one of phi-4-mini, "):
        CATALOG.get("gpt-5")


def damaged(tmp_path, old, new):
    text = CATALOG_PATH.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "catalog.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


DAMAGE = {
    "phi-4-mini: unknown key colour": ('maker = "Microsoft"',
                                       'maker = "Microsoft"\ncolour = 1'),
    "phi-4-mini: key license is missing": ('license = "MIT"\n', ""),
    "gemma-2-2b: hf_id google/gemma-2-2b-it stands twice": (
        'hf_id = "meta-llama/Llama-3.2-1B-Instruct"', 'hf_id = "google/gemma-2-2b-it"'),
    "context_length: expected int": ("context_length = 131_072",
                                     'context_length = "128K"'),
    "parameters.total: expected int": ("total = 3_836_021_760", "total = 3.8"),
    "lora_target_modules: expected a list": (
        'lora_target_modules = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]',
        'lora_target_modules = "qkv_proj"'),
    "commercial: expected one of yes, yes_with_use_policy, ": (
        'commercial = "yes"', 'commercial = "perhaps"'),
    "languages.scope: expected one of listed, ": ('scope = "listed"', 'scope = "all"'),
    "is no catalog": ("[models.", "[models"),
    "phi-4-mini.vocabulary: expected one of o200k, llama3, .* found 'gpt-5'": (
        'vocabulary = "o200k"\ntemplate = "phi4-mini"\ntools',
        'vocabulary = "gpt-5"\ntemplate = "phi4-mini"\ntools'),
    "phi-4-mini: key template is missing": (
        'template = "phi4-mini"\ntools = "yes"', 'tools = "yes"'),
    "its vocabulary's encoding is 'p50k'": ('encoding = "o200k_base"',
                                            'encoding = "p50k"'),
    "vocabulary.normal_form: expected one of NFC, ": ('normal_form = "NFC"',
                                                      'normal_form = "composed"'),
    "vocabulary: unknown key encodes": ('encoding = "o200k_base"',
                                        'encodes = "o200k_base"'),
    "template.user: expected 2 items": (
        'user = ["<|user|>", "<|end|>"]', 'user = ["<|user|>"]'),
    "template.thought_in: expected one of after, final, all": (
        'thought_in = "final"', 'thought_in = "last"'),
    "template's eos is not among its special": (
        'eos = "<end_of_turn>"', 'eos = "<end>"'),
    "template never writes its eos": ('eos = "<end_of_turn>"', 'eos = "<bos>"'),
    "templates.spare: no model has it": (
        "[templates.chatml]",
        '[templates.spare]\nfamily = "spare"\n[templates.chatml]'),
    "tokenizers.o200k: no package carries its vocabulary": (
        'encoding = "o200k_base"\n', ""),
    "tokenizers.cl100k: no model has both": ('template = "granite4.0"\ntemplate_name',
                                             'template = "qwen3"\ntemplate_name'),
}  # fmt: skip


@pytest.mark.parametrize("message", DAMAGE)
def test_a_damaged_catalog_is_refused_by_key(tmp_path, message):
    with pytest.raises(CatalogError, match=message):
        load(damaged(tmp_path, *DAMAGE[message]))


def test_what_is_refused_is_reported_by_the_checks_of_django(tmp_path, monkeypatch):
    path = damaged(tmp_path, *DAMAGE["is no catalog"])

    assert catalog_is_sound() == []
    monkeypatch.setattr("recommender.checks.catalog", lambda: load(path))
    (error,) = catalog_is_sound()
    assert error.id == "recommender.E001"


def test_the_insights_count_by_pairs_of_vocabulary_and_template():
    found = {each.name: each.model_ids for each in CATALOG.tokenizers}

    assert found == {
        "o200k": ("phi-4-mini", "phi-4-mini-reasoning"),
        "cl100k": ("granite-4.0-350m", "granite-4.0-1b"),
        "qwen3.5": ("qwen3.5-0.8b", "qwen3.5-2b", "qwen3.5-4b", "qwen3.5-9b"),
        "qwen3": ("qwen3-0.6b", "qwen3-1.7b", "qwen3-8b"),
        "qwen3-2507": ("qwen3-4b-instruct-2507",),
        "qwen2.5": (
            "qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-coder-1.5b",
        ),
    }  # fmt: skip
    for each in CATALOG.tokenizers:
        assert {CATALOG.get(slug).counted_by for slug in each.model_ids} == {each}
    assert CATALOG.get("granite-4.1-3b").counted_by is None


def test_every_encoding_is_of_some_model():
    used = {model.vocabulary.encoding for model in CATALOG.models}

    assert used == {*ENCODINGS, None}


@pytest.mark.parametrize(
    ("slug", "markers"),
    [
        ("mistral-7b", ("[INST]", "[/INST]", "</s>", "yes")),
        ("gemma-2-2b", (
            "<start_of_turn>user\n", "<start_of_turn>model\n", "<end_of_turn>", "no",
        )),
        ("gemma-3-1b", (
            "<start_of_turn>user\n", "<start_of_turn>model\n", "<end_of_turn>",
            "folded into the first user turn",
        )),
        ("phi-4-mini", ("<|user|>", "<|assistant|>", "<|end|>", "yes")),
    ],
)  # fmt: skip
def test_published_markers_are_those_of_the_template(slug, markers):
    chat = CATALOG.get(slug).chat

    names = ("user_marker", "assistant_marker", "turn_end", "system_role")
    assert tuple(chat[name] for name in names) == markers
