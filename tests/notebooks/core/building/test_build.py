import ast
import json
from dataclasses import replace

import nbformat
import pytest

from notebooks.core.building.build import Facts, build
from notebooks.core.building.embed import embed
from notebooks.core.building.lint import lint
from notebooks.core.building.percent import PercentError, read_cells
from notebooks.core.building.pins import pins
from notebooks.core.planning.plan import bake_off
from notebooks.generation import SOURCE, cells
from recommender.services import catalog
from tests.factories import make_lines
from tests.notebooks.made import (
    DATA,
    FACTS,
    code_of,
    data_cells,
    make_notebook,
    run,
    values_of,
)
from tests.recommender.test_recommender import make_data
from tests.sources import own, real


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
        plans = bake_off(models, make_data(), {"backend": backend})

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


def test_the_data_cell_gives_back_exactly_what_was_uploaded(tmp_path):
    content = make_notebook()
    save = "open('raw', 'wb').write(RAW); json.dump(ROWS, open('rows', 'w'))"

    done = run(*data_cells(content), save, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "60 conversations" in done.stdout
    assert (tmp_path / "raw").read_bytes() == DATA
    rows = json.loads((tmp_path / "rows").read_text(encoding="utf-8"))
    assert rows == [json.loads(line) for line in DATA.splitlines()]


@pytest.mark.parametrize(
    "source",
    [
        own("tool_calls.chat.jsonl"),
        own("reading_ar.chat.jsonl"),
        own("film_talk_zh.chat.jsonl"),
        real("glaive_toolcall_en.chat.jsonl"),
        real("xquad_ar.chat.jsonl"),
        real("kdconv_film_zh.chat.jsonl"),
    ],
)
def test_whole_sets_survive_the_notebook(tmp_path, source):
    data = source.path.read_bytes()
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


def test_the_install_cell_holds_the_pins():
    for backend in ("trl", "unsloth"):
        (cell,) = code_of(make_notebook(config={"backend": backend}), "install")

        assert f"PACKAGES = {list(pins(backend).packages)!r}" in cell
        assert f"PLAIN = {list(pins(backend).plain)!r}" in cell
