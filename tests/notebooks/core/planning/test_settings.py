import pytest

from notebooks.core.planning.plan import plan
from notebooks.core.planning.settings import OPTIONS, checked
from recommender.services import catalog
from slmgen.errors import InvalidInput
from tests.recommender.test_recommender import make_data

GOOD = {
    option.name: option.choices[0]
    if option.choices
    else True
    if option.kind is bool
    else option.kind(option.high)
    for option in OPTIONS
}


def test_every_setting_is_taken_at_its_bound():
    assert checked(GOOD) == GOOD


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
@pytest.mark.parametrize(
    "value", [None, [], {}, "x", float("nan"), float("inf"), -2, 10**12, "1"]
)
def test_a_value_out_of_range_is_refused_with_the_range(option, value):
    with pytest.raises(InvalidInput) as raised:
        checked({option.name: value})

    assert raised.value.field == option.name
    assert f"training_config.{option.name} is " in raised.value.detail
    assert option.range in raised.value.detail


def test_true_is_no_number():
    with pytest.raises(InvalidInput):
        checked({"lora_rank": True})


def test_a_fraction_is_no_whole_number():
    assert checked({"lora_rank": 16.0}) == {"lora_rank": 16}
    with pytest.raises(InvalidInput):
        checked({"lora_rank": 16.5})


def test_an_unknown_setting_is_refused_with_those_that_exist():
    with pytest.raises(InvalidInput, match=r"'rank'; did you mean 'lora_rank'\?"):
        checked({"rank": 16})


def test_a_length_beyond_the_model_is_refused():
    with pytest.raises(InvalidInput, match="reads at most 2,048 tokens") as raised:
        plan(catalog().get("tinyllama-1.1b"), make_data(), {"max_seq_length": 4096})

    assert raised.value.field == "max_seq_length"


def settings_of(config=None, slug="qwen3-0.6b", **changes):
    return plan(catalog().get(slug), make_data(**changes), config or {}).settings


@pytest.mark.parametrize(("rows", "epochs"), [(10, 5), (800, 3), (100_000, 1)])
def test_little_data_are_seen_more_often(rows, epochs):
    assert settings_of(total_examples=rows)["num_epochs"] == epochs


@pytest.mark.parametrize("rows", [10, 150, 800, 5000, 100_000])
def test_presets_go_from_a_first_look_to_all_of_it(rows):
    fast, usual, most = (
        settings_of({"preset": name}, total_examples=rows)
        for name in ("fast", "balanced", "quality")
    )

    for name in ("num_epochs", "lora_rank", "max_seq_length"):
        assert fast[name] <= usual[name] <= most[name]
    assert fast["lora_rank"] < usual["lora_rank"] < most["lora_rank"]
    known = make_data(total_examples=rows)
    first_look = plan(catalog().get("qwen3-0.6b"), known, {"preset": "fast"})
    assert first_look.figures.steps <= 100
    assert usual == settings_of(total_examples=rows)


def test_a_preset_gives_way_to_what_is_chosen():
    found = settings_of({"preset": "quality", "lora_rank": 5, "batch_size": 3})

    assert (found["lora_rank"], found["lora_alpha"]) == (5, 10)
    assert found["batch_size"] == 3
    assert found["learning_rate"] == 1e-4


def test_the_default_length_holds_the_data():
    known = make_data(tokens_p99=1000)

    found = plan(catalog().get("qwen3-0.6b"), known).settings["max_seq_length"]

    assert found >= 1200
    assert found % 64 == 0
