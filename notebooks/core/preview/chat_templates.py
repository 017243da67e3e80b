"""A stand-in for a model's tokenizer: its chat template as marks around messages, and
its vocabulary where a package carries it. Notebooks have the real one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datasets.core.tokenization.vocabularies import Encode, split_special
from recommender.core.catalog.chat_template import ChatTemplate, Marks

Messages = Sequence[Mapping[str, Any]]


class TemplateRefuses(Exception):
    """The template has no place for this conversation."""


def render(
    template: ChatTemplate, messages: Messages, prompt: bool, thinking: bool = False
) -> str:
    """The conversation as the model reads it; with `prompt` it ends where an answer
    begins, which may be `thinking`. Raises TemplateRefuses."""
    ready = list(_with_system(template, messages))
    if template.alternates:
        _insist_on_turns(ready)
    first_thought = _first_thought(template, ready)
    parts = [template.start]
    for at, message in enumerate(ready):
        before, after = _marks(template, message["role"])
        if message["role"] == "assistant" and at >= first_thought:
            before += template.thought
        parts += [before, _text(template, message), after]
    if not prompt:
        return "".join([*parts, template.end])
    thought = "" if thinking else template.thought
    return "".join([*parts, template.assistant[0], thought])


def _first_thought(template: ChatTemplate, messages: Messages) -> int:
    """The place of the first message that has a thought before it."""
    if template.thought_in == "all":
        return 0
    if template.thought_in == "final":
        return len(messages) - 1
    places = [at for at, each in enumerate(messages) if each["role"] == "user"]
    return max(places, default=-1) + 1


def _insist_on_turns(messages: Messages) -> None:
    talk = [each["role"] for each in messages if each["role"] != "system"]
    if talk != ["user", "assistant"] * (len(talk) // 2) + ["user"] * (len(talk) % 2):
        raise TemplateRefuses(
            "this model's template insists on a question and an answer in turn"
        )


def _with_system(
    template: ChatTemplate, messages: Messages
) -> Iterator[Mapping[str, Any]]:
    has_system = bool(messages) and messages[0]["role"] == "system"
    if not has_system:
        if template.default_system is not None:
            yield {"role": "system", "content": template.default_system}
        yield from messages
        return
    if template.system_place == "refused":
        raise TemplateRefuses("this model's template takes no system prompt")
    if template.system_place == "role" or len(messages) == 1:
        yield from messages
        return
    system, first, *rest = messages
    text = _text(template, first)
    yield {**first, "content": f"{system['content']}\n\n{text}"}
    yield from rest


def _marks(template: ChatTemplate, role: str) -> Marks:
    known = {
        "system": template.system,
        "user": template.user,
        "assistant": template.assistant,
    }
    if role in known:
        return known[role]
    before, after = template.user  # results of tools stand where a question would
    return before.replace("user", role), after


def _text(template: ChatTemplate, message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    text = content.strip() if template.strips else content
    calls = message.get("tool_calls")
    if not calls:
        return str(text)
    written = json.dumps(calls, ensure_ascii=False)
    return f"{text}\n{written}" if text else written


class StandIn:
    """What the notebook's cells ask of a tokenizer."""

    def __init__(self, template: ChatTemplate, encode: Encode | None) -> None:
        self.template = template
        self.encode = encode
        self.eos_token = template.eos
        self.all_special_tokens = list(template.special)

    def get_added_vocab(self) -> dict[str, int]:
        return {text: -1 - at for at, text in enumerate(self.template.special)}

    def apply_chat_template(
        self,
        messages: Messages,
        *,
        add_generation_prompt: bool = False,
        enable_thinking: bool = False,
        **other: Any,  # tools and switches that these templates do not have
    ) -> str:
        return render(self.template, messages, add_generation_prompt, enable_thinking)

    def __call__(self, text: str, **other: Any) -> dict[str, Any]:
        """Ids and where in the text each token stands."""
        if self.encode is None:
            raise TemplateRefuses("no package carries this model's vocabulary")
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        added = self.get_added_vocab()
        for start, piece in split_special(text, self.template.special):
            if piece in added:
                found: list[tuple[int, int, int]] = [(added[piece], 0, len(piece))]
            else:
                found = self.encode(piece)
            ids += [token for token, _, _ in found]
            offsets += [(start + a, start + b) for _, a, b in found]
        return {"input_ids": ids, "offset_mapping": offsets}
