"""Our drawing of a chat template against the maker's own, where a package has it."""

import json
import re
from pathlib import Path

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notebooks.core.preview.chat_templates import TemplateRefuses, render
from recommender.services import catalog
from tests.conftest import REPO
from tests.notebooks.execution.conftest import row_of

pytestmark = pytest.mark.execution
SLUGS = [model.slug for model in catalog().models if model.template.checked]
SYSTEM = {"role": "system", "content": "Be brief."}
TALK = [
    {"role": "user", "content": " Hi\n there "},
    {"role": "assistant", "content": " Hel lo.  ünï "},
    {"role": "user", "content": "More?"},
    {"role": "assistant", "content": "No."},
]


def real_template(name: str) -> str:
    places = [
        *REPO.glob(".venv-trl/lib/python3*/site-packages/trl/chat_templates"),
        REPO / ".venv-trl" / "llama.cpp" / "models" / "templates",
    ]
    found = [Path(place, f"{name}.jinja") for place in places]
    return next(path for path in found if path.exists()).read_text(encoding="utf-8")


def by_the_maker(row, messages, prompt):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value)
    environment.globals["raise_exception"] = _refuse
    # Generation marks belong to the trainer and leave no text.
    source = re.sub(r"\{%-? (end)?generation -?%\}", "", real_template(row["template"]))
    return environment.from_string(source).render(
        messages=messages,
        add_generation_prompt=prompt,
        bos_token=row["tokenizer"].get("bos", ""),
        eos_token=row["tokenizer"]["eos"],
        enable_thinking=False,
        date_string="26 Jul 2024",
    )


def _refuse(reason):
    raise TemplateRefuses(reason)


def _or_refusal(call, *arguments):
    try:
        return call(*arguments)
    except TemplateRefuses:
        return TemplateRefuses


@pytest.mark.parametrize("slug", SLUGS)
def test_ours_and_the_maker_s_make_the_same_text(slug):
    talks = [TALK[:count] for count in range(1, 5)]
    talks += [[SYSTEM, *talk] for talk in talks]

    for talk in talks:
        for prompt in {False, talk[-1]["role"] == "user"}:
            theirs = _or_refusal(by_the_maker, row_of(slug), talk, prompt)
            ours = _or_refusal(render, catalog().get(slug).template, talk, prompt)

            assert ours == theirs
