"""Hard constraints: why a model cannot work for a need, and what would help."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from recommender.core.catalog.catalog import Catalog, ModelSpec
from recommender.core.catalog.gpus import GPUS
from recommender.core.estimates import lengths, training
from recommender.core.estimates.serving import serving
from recommender.core.estimates.wording import gib_words
from recommender.core.needs import needs
from recommender.core.needs.needs import Need, languages_of

NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Violation:
    rule: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


Rule = Callable[[ModelSpec, Need, Catalog], Violation | None]


def violations(model: ModelSpec, need: Need, catalog: Catalog) -> list[Violation]:
    """Every reason why `model` cannot be recommended; empty when it can."""
    found = (rule(model, need, catalog) for rule in RULES.values())
    return [violation for violation in found if violation is not None]


def _training(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    gpu = need.wishes.gpu
    if training.best_setup(model, need.data, gpu) is not None:
        return None
    setup = training.smallest_setup(model, need.data, gpu)
    reason = (
        f"training takes {gib_words(setup.gib_range)} ({setup.words}) and the most "
        f"must fit, {gpu.label} has {gpu.usable_gib:g}"
    )
    return Violation("H1 training memory", reason, _training_remedy(setup, need))


def _training_remedy(setup: training.TrainingSetup, need: Need) -> str:
    larger = [
        gpu.name
        for gpu in GPUS.values()
        if setup.fits(gpu) and (gpu.can_quantize or not setup.in_4bit)
    ]
    texts = [f"gpu {larger[0]} would do"] if larger else []
    shorter = training.shorter_setup(setup.model, need.data, need.wishes.gpu)
    if shorter is not None:
        cut = lengths.rows_over(setup.model, need.data, shorter.length)
        texts.append(
            f"a limit of {shorter.length:,} tokens ({shorter.words}) would bring it "
            f"back and cut at most {cut:,} of {need.profile.total_examples:,} rows"
        )
    return ", or ".join(texts) or "it is too large for every GPU we know"


def _serving(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    found = serving(model, need)
    if found.fits:
        return None
    if found.gb is None:
        reason = "there is no ready WebLLM build of it (web-llm 0.2.83 lists 163)"
        return Violation("H2 deployment memory", reason, "choose the target desktop")
    place = found.place
    reason = (
        f"it takes {found.gb:.1f} GB to run in {place.bits} bits with "
        f"{need.serving_context:,} tokens, {place.label} leaves {place.limit_gb:g} GB"
    )
    remedy = f"a target with {found.gb:.1f} GB would bring it back"
    return Violation("H2 deployment memory", reason, remedy)


def _length(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    profile, context = need.profile, model.context_length
    ours = profile.tokens_p99
    needed = lengths.in_model_tokens(model, need.data, ours)
    if needed <= context:
        return None
    basis = lengths.ratio_of(model, need.data).basis
    reason = (
        f"99% of your examples need up to {needed:,} of its tokens ({basis}), it reads "
        f"{context:,}"
    )
    cut = lengths.rows_over(model, need.data, context)
    remedy = (
        f"leave out its longest rows, at most {cut:,} of {profile.total_examples:,}"
    )
    return Violation("H3 length", reason, remedy)


def _language(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    languages = model.languages
    if languages.scope == "broad_claim":
        return None
    known = {*languages.codes, "en"}
    scope = languages.scope.replace("_", " ")
    for script, share in need.scripts.items():
        codes = languages_of(script, need.scripts)
        if codes and not known & set(codes):
            reason = (
                f"{share:.0%} of your text is in {script} script and its languages "
                f"({scope}) do not name {' or '.join(codes)}"
            )
            remedy = "leave out those rows, at most 5% may stay"
            return Violation("H4 language", reason, remedy)
    for code, share in need.main_languages.items():
        if code not in known:
            reason = (
                f"{share:.0%} of your examples are in {code} and its languages "
                f"({scope}) do not name it"
            )
            remedy = "leave out those rows, at most 5% may stay"
            return Violation("H4 language", reason, remedy)
    if missing := [code for code in need.wishes.languages if code not in known]:
        reason = (
            f"its languages ({scope}: {', '.join(sorted(known))}) do not name "
            f"{', '.join(missing)}"
        )
        return Violation("H4 language", reason, f"leave {missing[0]} out of languages")
    return None


def _license(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    if not need.wishes.commercial_use or model.commercial not in {"no", "unclear"}:
        return None
    note = model.commercial_note or model.license
    reason = f"its license does not clearly allow commercial use ({note})"
    return Violation("H5 licence", reason, "commercial_use false would bring it back")


def _software(model: ModelSpec, need: Need, catalog: Catalog) -> Violation | None:
    limit = catalog.transformers_limit
    if version(model.min_transformers) <= version(limit):
        return None
    reason = (
        f"it needs transformers {model.min_transformers}, the pinned Unsloth allows at "
        f"most {limit}"
    )
    return Violation("H6 software", reason, "a newer Unsloth would bring it back")


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in NUMBER.findall(text))


def _system_role(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    count = need.profile.system_examples
    if not count or model.template.system_role != "no":
        return None
    reason = f"{count:,} of your examples have a system prompt, its template has none"
    remedy = "put the system text into the first user message"
    return Violation("H7 system prompts", reason, remedy)


def _tools(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    count = need.profile.tool_examples
    if not count or model.tools != "no":
        return None
    reason = f"{count:,} of your examples use tools, its template has none"
    return Violation("H7 tools", reason, "leave those rows out")


def _thinking(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    average = need.average_answer
    if not model.thinking.startswith("always") or average >= needs.SHORT_ANSWER:
        return None
    reason = (
        f"it always thinks first, your answers have {average:.0f} tokens on average"
    )
    return Violation(
        "H7 thinking", reason, "answers with their reasoning would suit it"
    )


def _size(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    most = need.wishes.max_parameters
    if most is None or model.parameters.total <= most:
        return None
    reason = f"it has {model.size} parameters, max_model_size is {most / 1e9:g}B"
    return Violation(
        "max_model_size", reason, f"max_model_size {model.size} would bring it back"
    )


def _gating(model: ModelSpec, need: Need, _: Catalog) -> Violation | None:
    if not need.wishes.ungated_only or not model.is_gated:
        return None
    reason = "its maker's repository asks for a login and agreement to its terms"
    copy = f" ({model.unsloth_id} is an open copy)" if model.unsloth_id else ""
    remedy = f"ungated_only false would bring it back{copy}"
    return Violation("ungated_only", reason, remedy)


RULES: dict[str, Rule] = {
    "H1 training memory": _training,
    "H2 deployment memory": _serving,
    "H3 length": _length,
    "H4 language": _language,
    "H5 licence": _license,
    "H6 software": _software,
    "H7 system prompts": _system_role,
    "H7 tools": _tools,
    "H7 thinking": _thinking,
    "max_model_size": _size,
    "ungated_only": _gating,
}
