import json
from contextlib import suppress

import nbformat
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from notebooks.core.building.build import Facts, escaped
from notebooks.core.building.lint import lint
from notebooks.core.planning.settings import BY_NAME, OPTIONS, checked
from recommender.services import catalog
from slmgen.errors import InvalidInput
from tests.factories import jsonl, make_conversation, make_lines
from tests.notebooks.made import code_of, make_notebook, values_of

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
    models = catalog().models
    assume(name.strip().lower() not in {m.slug for m in models})
    assume(name.strip().lower() not in {m.hf_id.lower() for m in models})

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
