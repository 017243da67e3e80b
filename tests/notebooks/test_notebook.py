import ast
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import nbformat
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from notebooks.core.build import Facts, build, escaped
from notebooks.core.embed import embed
from notebooks.core.lint import lint
from notebooks.core.options import BY_NAME, OPTIONS, checked
from notebooks.core.percent import PercentError, read_cells
from notebooks.core.pins import pins
from notebooks.core.plan import bake_off, plan
from notebooks.services import SOURCE, cells
from recommender.services import catalog
from slmgen.errors import InvalidInput
from tests.factories import jsonl, make_conversation, make_lines
from tests.recommender.test_recommender import make_profile

DATA = make_lines(60)
FACTS = Facts("chat.jsonl", 60, 1234)


def make_notebook(slug="qwen3-0.6b", config=None, data=DATA, facts=FACTS, max_mb=5):
    training = plan(catalog().get(slug), make_profile(total_examples=60), config or {})
    embedded = embed(data, max_bytes=max_mb * 10**6)
    return build(cells(), [training], facts, embedded)


def code_of(content, tag=None):
    notebook = nbformat.reads(content.decode(), 4)
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code"
        and (tag is None or tag in cell.metadata.get("tags", []))
    ]


def test_cells_are_read_with_kind_and_tags():
    text = '# %% [markdown] tags=["a"]\n# # Title\n#\n# text\n\n# %%\nx = 1\n'

    first, second = read_cells(text)

    assert (first.kind, first.tags, first.source) == (
        "markdown",
        {"a"},
        "# Title\n\ntext",
    )
    assert (second.kind, second.tags, second.source) == ("code", set(), "x = 1")


@pytest.mark.parametrize("text", ["x = 1\n# %%\n", "# %% foo\n", "# %% tags=[\n"])
def test_a_malformed_script_is_refused_by_line(text):
    with pytest.raises(PercentError, match=r"line [12]: "):
        read_cells(text)


MODELS = [model.slug for model in catalog().models]


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
@pytest.mark.parametrize("slug", MODELS)
def test_every_model_gives_a_sound_notebook(slug, backend):
    content = make_notebook(slug, {"backend": backend})

    nbformat.validate(nbformat.reads(content.decode(), 4))
    assert lint(content, backend) == []
    other = {
        "trl": "FastLanguageModel",
        "unsloth": "get_peft_model(\n    model,\n    L",
    }
    assert other[backend] not in content.decode()


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_a_comparison_of_any_models_is_sound(backend):
    for at in range(0, len(MODELS) - 2, 3):
        models = [catalog().get(slug) for slug in MODELS[at : at + 3]]
        plans = bake_off(models, make_profile(), {"backend": backend})

        content = build(cells(), plans, FACTS, embed(DATA, max_bytes=10**7))

        assert lint(content, backend) == []
        names = [values_of(code)["MODEL_ID"] for code in code_of(content, "candidate")]
        assert names == [plan.model_id for plan in plans]
        assert "MODEL_ID" not in values_of(code_of(content, "parameters")[0])


def test_the_same_input_gives_the_same_bytes():
    assert make_notebook() == make_notebook()


def test_a_gated_model_asks_for_a_token_and_another_does_not():
    assert code_of(make_notebook("llama-3.2-1b", {"backend": "trl"}), "gated")
    assert not code_of(make_notebook("qwen3-0.6b", {"backend": "trl"}), "gated")
    # Unsloth's copy is open.
    assert not code_of(make_notebook("llama-3.2-1b", {"backend": "unsloth"}), "gated")


def run(*sources, cwd=None):
    script = "import hashlib, json, importlib.util, urllib.request\n" + "\n".join(
        sources
    )
    return subprocess.run(
        [sys.executable, "-I", "-"],
        input=script, capture_output=True, text=True, timeout=60, cwd=cwd,
    )  # fmt: skip


def data_cells(content):
    return code_of(content, "parameters") + code_of(content, "data")


def test_the_data_cell_gives_back_exactly_what_was_uploaded(tmp_path):
    content = make_notebook()
    save = "open('raw', 'wb').write(RAW); json.dump(ROWS, open('rows', 'w'))"

    done = run(*data_cells(content), save, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "60 conversations" in done.stdout
    assert (tmp_path / "raw").read_bytes() == DATA
    rows = json.loads((tmp_path / "rows").read_text(encoding="utf-8"))
    assert rows == [json.loads(line) for line in DATA.splitlines()]


@pytest.mark.parametrize("name", ["glaive_toolcall_en", "xquad_ar", "kdconv_film_zh"])
def test_real_data_survive_the_notebook(shared_data, tmp_path, name):
    data = (shared_data / f"{name}.chat.jsonl").read_bytes()
    content = make_notebook(data=data, facts=Facts("x", data.count(b"\n"), 1))

    done = run(*data_cells(content), "open('raw', 'wb').write(RAW)", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "raw").read_bytes() == data


def test_damaged_data_stop_the_notebook():
    parameters, _, check = data_cells(make_notebook())
    _, other, _ = data_cells(make_notebook(data=make_lines(59) + make_lines(1)))

    done = run(parameters, other, check)

    assert done.returncode == 1
    assert "not the data that this notebook was made for" in done.stderr


def test_large_data_stay_beside_the_notebook(tmp_path):
    content = make_notebook(max_mb=0)
    (tmp_path / "examples.jsonl").write_bytes(DATA)

    done = run(*data_cells(content), cwd=tmp_path)

    assert "EMBEDDED" not in content.decode()
    assert done.returncode == 0, done.stderr
    assert "60 conversations" in done.stdout


def test_another_file_is_not_taken_for_the_dataset(tmp_path):
    (tmp_path / "examples.jsonl").write_bytes(DATA + b"\n")

    done = run(*data_cells(make_notebook(max_mb=0)), cwd=tmp_path)

    assert "not the data that this notebook was made for" in done.stderr


def test_large_data_are_loaded_from_the_address(tmp_path):
    """Any urllib address will do; a file's needs no server."""
    (tmp_path / "elsewhere").write_bytes(DATA)
    facts = replace(FACTS, data_url=(tmp_path / "elsewhere").as_uri(), data_days=30)

    done = run(*data_cells(make_notebook(max_mb=0, facts=facts)), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "60 conversations" in done.stdout


def test_large_data_that_are_nowhere_are_asked_for(tmp_path):
    facts = replace(FACTS, data_url=(tmp_path / "nowhere").as_uri(), data_days=30)

    done = run(*data_cells(make_notebook(max_mb=0, facts=facts)), cwd=tmp_path)

    assert "did not answer" in done.stdout
    assert "Put the data beside this notebook as examples.jsonl." in done.stderr


def test_an_address_stands_in_no_notebook_that_needs_none():
    facts = replace(FACTS, data_url="http://localhost:8000/data/key", data_days=30)

    assert make_notebook(facts=facts) == make_notebook()
    assert "localhost:8000/data/key" in make_notebook(max_mb=0, facts=facts).decode()


def values_of(parameters):
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(parameters).body
    }


def split(rows, tmp_path):
    """Numbers of conversations to train on and to validate with."""
    data = jsonl(rows)
    content = make_notebook(data=data, facts=Facts("x", len(rows), 1))
    cells_of = data_cells(content) + code_of(content, "split")
    save = "json.dump([TRAINING, VALIDATION], open('split', 'w'))"
    done = run("import random", *cells_of, save, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return json.loads((tmp_path / "split").read_text())


def test_the_same_question_stays_on_one_side(tmp_path):
    rows = [
        make_conversation(f"{'What' if n < 50 else 'WHAT '} is {n % 20}?", f"{n}")
        for n in range(100)
    ]  # fmt: skip

    training, validation = split(rows, tmp_path)

    assert sorted(training + validation) == list(range(100))
    assert len(validation) == 10
    assert not {n % 20 for n in training} & {n % 20 for n in validation}
    assert split(rows, tmp_path) == [training, validation]


def test_data_that_ask_one_question_are_split_all_the_same(tmp_path):
    rows = [make_conversation("Tell me a joke.", f"Joke {n // 2}.") for n in range(60)]

    training, validation = split(rows, tmp_path)

    assert len(validation) == 6
    assert not {n // 2 for n in training} & {n // 2 for n in validation}


@pytest.mark.parametrize(("count", "held_back"), [(1, 0), (9, 0), (10, 1), (12, 1)])
def test_few_conversations_are_all_trained_on(tmp_path, count, held_back):
    rows = [make_conversation(f"Question {n}?") for n in range(count)]

    training, validation = split(rows, tmp_path)

    assert (len(training), len(validation)) == (count - held_back, held_back)


def test_one_conversation_repeated_is_trained_on(tmp_path):
    training, validation = split([make_conversation()] * 30, tmp_path)

    assert (len(training), validation) == (30, [])


def test_settings_reach_the_parameters_cell():
    config = {"lora_rank": 7, "learning_rate": 3e-5, "quantization": "16bit"}

    (parameters,) = code_of(make_notebook(config=config), "parameters")

    values = values_of(parameters)
    assert (values["LORA_RANK"], values["LORA_ALPHA"]) == (7, 14)
    assert values["LEARNING_RATE"] == 3e-5
    assert values["LOAD_IN_4BIT"] is False
    assert values["MODEL_ID"] == "unsloth/Qwen3-0.6B"
    assert "# Width of the trained matrices" in parameters


def test_the_parameters_cell_binds_what_the_source_binds():
    source = next(cell for cell in cells() if "parameters" in cell.tags).source
    (made,) = code_of(make_notebook(), "parameters")

    def names(text):
        return {node.targets[0].id for node in ast.parse(text).body}

    assert names(made) == names(source)


def test_the_source_is_a_program():
    compile(SOURCE.read_text(encoding="utf-8"), str(SOURCE), "exec")


HOSTILE = [
    '"; import os #', "\n# %%\nprint('x')", "{{ 7 * 7 }}", "{% raw %}", "</script>",
    "![x](https://evil.example/x.png)", "'''", '"""', "\\", "`x`", "<img src=x>",
    "[a](javascript:alert(1))", "| a |", "$x^2$", "\u2028", "data\r\n\r\n# %% x",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_file_name_stays_inert(text):
    plain, hostile = make_notebook(), make_notebook(facts=Facts(text, 60, 1234))

    assert code_of(plain) == code_of(hostile)
    first = nbformat.reads(hostile.decode(), 4).cells[0].source
    assert len(first.splitlines()) == len(
        nbformat.reads(plain.decode(), 4).cells[0].source.splitlines()
    )
    assert "](http" not in first
    assert "<img" not in first.replace("\\<", "")


@settings(max_examples=60)
@given(st.text())
def test_escaped_text_is_one_line_without_working_markdown(text):
    found = escaped(text)

    assert len(found.splitlines()) <= 1
    assert not set("`*_[<|!$") & {
        character
        for before, character in zip("x" + found, found, strict=False)
        if before != "\\"
    } - {"\\"}


SOUND = {
    option.name: st.sampled_from(option.choices)
    if option.choices
    else st.booleans()
    if option.kind is bool
    else st.integers(max(int(option.low), 1), int(option.high))
    if option.kind is int
    else st.floats(option.low, option.high)
    for option in OPTIONS
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=SOUND))
def test_every_sound_setting_gives_a_sound_notebook(config):
    config.pop("max_seq_length", None)
    content = make_notebook(config=config)

    assert lint(content, config.get("backend", "unsloth")) == []
    values = values_of(code_of(content, "parameters")[0])
    for name in config.keys() - {"preset", "backend", "quantization"}:
        assert values[name.upper()] == config[name]


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(SOUND)) | st.text(), JSON))
def test_any_other_setting_is_refused_or_a_plain_value(config):
    with suppress(InvalidInput):
        found = checked(config)
        assert found.keys() == config.keys()
        assert {type(value) for value in found.values()} <= {int, float, bool, str}


@settings(max_examples=200)
@given(st.sampled_from(sorted(SOUND)), st.text() | st.lists(st.text()))
def test_a_refusal_is_one_line_whatever_was_sent(name, value):
    assume(value not in BY_NAME[name].choices)

    with pytest.raises(InvalidInput) as raised:
        checked({name: value})

    assert len(raised.value.detail.splitlines()) == 1


@settings(max_examples=200)
@given(st.text())
def test_any_other_model_is_refused(name):
    with pytest.raises(InvalidInput, match="model_id is "):
        catalog().get(name)


@settings(max_examples=40, deadline=None)
@given(st.text(), st.text())
def test_any_text_stays_in_the_data(question, answer):
    data = jsonl([make_conversation(question, answer)] * 2)
    plain, other = make_notebook(), make_notebook(data=data)

    differ = [
        (a, b) for a, b in zip(code_of(plain), code_of(other), strict=True) if a != b
    ]
    assert [a.splitlines()[0] for a, _ in differ if "EMBEDDED" not in a] == [
        code_of(plain, "parameters")[0].splitlines()[0]
    ]
    assert lint(other, "unsloth") == []


def test_data_never_reach_code():
    hostile = make_lines(59) + json.dumps(
        {"messages": [{"role": "user", "content": '"""\nimport os\n"""'},
                      {"role": "assistant", "content": "'''{{x}}"}]}
    ).encode() + b"\n"  # fmt: skip

    content = make_notebook(data=hostile)

    assert lint(content, "unsloth") == []
    assert "{{x}}" not in content.decode()


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
    with pytest.raises(InvalidInput, match="no 'rank'; known are preset, "):
        checked({"rank": 16})


def test_a_length_beyond_the_model_is_refused():
    with pytest.raises(InvalidInput, match="reads at most 2,048 tokens"):
        plan(catalog().get("tinyllama-1.1b"), make_profile(), {"max_seq_length": 4096})


def settings_of(config=None, slug="qwen3-0.6b", **changes):
    return plan(catalog().get(slug), make_profile(**changes), config or {}).settings


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
    profile = make_profile(total_examples=rows)
    assert plan(catalog().get("qwen3-0.6b"), profile, {"preset": "fast"}).steps <= 100
    assert usual == settings_of(total_examples=rows)


def test_a_preset_gives_way_to_what_is_chosen():
    found = settings_of({"preset": "quality", "lora_rank": 5, "batch_size": 3})

    assert (found["lora_rank"], found["lora_alpha"]) == (5, 10)
    assert found["batch_size"] == 3
    assert found["learning_rate"] == 1e-4


def test_the_default_length_holds_the_data():
    profile = make_profile(tokens_p99=1000)

    found = plan(catalog().get("qwen3-0.6b"), profile).settings["max_seq_length"]

    assert found >= 1200
    assert found % 64 == 0


LINTED = {
    "no plain Python": "x = (",
    "no plain Python: invalid syntax": "# comment\n%%capture\n!pip install x",
    "y is used and never bound": "print(y)",
    "later is used and never bound": "print(later)\n",
    "input() stops": "input()",
    "pandas is imported and not installed before": "import pandas",
    "SFTConfig takes no max_seq_length": "import trl as SFTConfig\n"
                                         "SFTConfig(max_seq_length=1)",
}  # fmt: skip


@pytest.mark.parametrize("fault", LINTED)
def test_the_linter_finds(fault):
    sources = [LINTED[fault], "later = 1"]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source, id=f"c{n}")
            for n, source in enumerate(sources)
        ]
    )

    faults = lint(nbformat.writes(notebook).encode(), "trl")

    assert any(f"cell 0: {fault}" in found for found in faults)


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_what_the_install_cell_brings_may_be_imported_after_it(backend):
    install = nbformat.v4.new_code_cell("1", id="a", metadata={"tags": ["install"]})
    cell = nbformat.v4.new_code_cell("import pandas, peft.tuners", id="b")
    notebook = nbformat.v4.new_notebook(cells=[install, cell])

    assert lint(nbformat.writes(notebook).encode(), backend) == []


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_ipython_takes_every_cell_as_it_is(backend):
    transform = TransformerManager().transform_cell

    for source in code_of(make_notebook(config={"backend": backend})):
        assert transform(source) == source + "\n"


@pytest.mark.parametrize("backend", ["trl", "unsloth"])
@pytest.mark.parametrize("gated", ["llama-3.2-1b", "qwen3-0.6b"])
def test_every_choice_of_cells_is_sound(backend, gated):
    for max_mb in (0, 5):
        content = make_notebook(gated, {"backend": backend}, max_mb=max_mb)

        assert lint(content, backend) == []


def test_the_linter_finds_output_widgets_and_equal_ids():
    cell = nbformat.v4.new_code_cell("1", id="a", execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}})

    faults = lint(nbformat.writes(notebook).encode(), "trl")

    assert faults == [
        "widgets metadata breaks the preview on GitHub",
        "cell 0: has output",
    ]


def test_the_install_cell_holds_the_pins():
    for backend in ("trl", "unsloth"):
        (cell,) = code_of(make_notebook(config={"backend": backend}), "install")

        assert f"PACKAGES = {list(pins(backend).packages)!r}" in cell
        assert f"PLAIN = {list(pins(backend).plain)!r}" in cell
