"""Hard facts: what cannot work for this user, with the figure that says so."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.core.profile import Profile
from recommender.core import memory
from recommender.core.catalog import ModelSpec, Target

# GB that the model may use. Phones: what PocketPal 2026-06 loads on a mid-range phone
# (files up to 1.9 GB) with cache and runtime; the others are our assumptions.
SERVING_LIMIT_GB = {
    Target.CLOUD: 24.0,  # one 24 GB GPU, 16-bit weights
    Target.SERVER: 24.0,
    Target.DESKTOP: 8.0,  # half of 16 GB
    Target.EDGE: 6.0,  # an 8 GB board
    Target.MOBILE: 2.6,
    Target.BROWSER: 4.0,  # GB of video memory that a laptop has to spare
}
MACHINE = {
    Target.CLOUD: "a 24 GB GPU",
    Target.SERVER: "a 24 GB GPU",
    Target.DESKTOP: "half of a 16 GB desktop",
    Target.EDGE: "an 8 GB board",
    Target.MOBILE: "a mid-range phone",
    Target.BROWSER: "a laptop's browser",
}
SERVING_CONTEXT = 4096  # tokens, or what the longest examples need
MAX_TRAINING_LENGTH = 2048  # tokens
LANGUAGE_SHARE = 0.05
LANGUAGES = {
    "arabic": ("ar",),
    "hangul": ("ko",),
    "kana": ("ja",),
    "han": ("zh", "ja"),
    "hebrew": ("he",),
    "thai": ("th",),
    "greek": ("el",),
    "devanagari": ("hi", "mr", "ne"),
    "bengali": ("bn",),
    "cyrillic": ("ru", "uk", "bg", "sr", "mk", "kk"),
}


@dataclass(frozen=True)
class Need:
    """What the model is for and what the data are like."""

    profile: Profile
    target: Target

    @property
    def training_length(self) -> int:
        """Tokens a row is cut to: what 99 % of the examples need, with a template."""
        needed = -(-int(self.profile.tokens_p99 * 1.2 + 32) // 64) * 64
        return min(max(needed, 256), MAX_TRAINING_LENGTH)

    @property
    def serving_context(self) -> int:
        return max(SERVING_CONTEXT, self.profile.tokens_p99)


def violations(model: ModelSpec, need: Need) -> list[str]:
    """Every reason why `model` cannot be recommended; empty when it can."""
    return [reason for rule in RULES if (reason := rule(model, need)) is not None]


def _licence(model: ModelSpec, need: Need) -> str | None:
    if model.commercial in {"no", "unclear"}:
        note = model.commercial_note or model.license
        return f"its licence does not clearly allow commercial use ({note})"
    return None


def _length(model: ModelSpec, need: Need) -> str | None:
    p99 = need.profile.tokens_p99
    if p99 > model.context_length:
        return (
            f"99% of your examples need {p99:,} tokens, its context is "
            f"{model.context_length:,}"
        )
    return None


def _training(model: ModelSpec, need: Need) -> str | None:
    length = need.training_length
    needed = training_gib(model, length)
    if needed > memory.T4_GIB:
        return (
            f"4-bit training at {length:,} tokens needs about {needed:.1f} GiB, "
            f"a free T4 has {memory.T4_GIB}"
        )
    return None


def _serving(model: ModelSpec, need: Need) -> str | None:
    used, limit = serving_gb(model, need), SERVING_LIMIT_GB[need.target]
    if used is None:
        return "there is no ready WebLLM build of it for browsers"
    if used > limit:
        machine = MACHINE[need.target]
        return f"it takes {used:.1f} GB to run, {machine} leaves about {limit} GB"
    return None


def _language(model: ModelSpec, need: Need) -> str | None:
    missing = [
        script
        for script, share in need.profile.scripts.items()
        if share > LANGUAGE_SHARE and not speaks(model, script, need.profile.scripts)
    ]
    if not missing:
        return None
    share = need.profile.scripts[missing[0]]
    return (
        f"{share:.0%} of your text is in {missing[0]} script and its languages "
        f"({model.languages.scope.replace('_', ' ')}) do not name one for it"
    )


def _system_role(model: ModelSpec, need: Need) -> str | None:
    count = need.profile.system_examples
    if count and model.chat.system_role == "no":
        return f"{count:,} of your examples have a system prompt, its template has none"
    return None


def _tools(model: ModelSpec, need: Need) -> str | None:
    count = need.profile.tool_examples
    if count and model.chat.tools == "no":
        return f"{count:,} of your examples use tools, its template has none"
    return None


def speaks(model: ModelSpec, script: str, scripts: dict[str, float]) -> bool:
    """Whether the model promises a language of this script; Latin proves nothing."""
    codes = LANGUAGES.get(script)
    if codes is None or model.languages.scope == "broad_claim":
        return True
    if script == "han" and scripts.get("kana", 0.0) > LANGUAGE_SHARE:
        codes = ("ja",)
    return bool(set(codes) & set(model.languages.codes))


def training_gib(model: ModelSpec, length: int) -> float:
    """GPU memory for 4-bit LoRA at batch 1, plain Hugging Face; Unsloth needs less."""
    return memory.process_gib(memory.qlora_bytes(model, batch=1, length=length))


def serving_gb(model: ModelSpec, need: Need) -> float | None:
    """Memory to run the tuned model on the target; None without a build for it."""
    if need.target is Target.BROWSER:
        webllm = model.deployment.webllm_mb
        return None if webllm is None else webllm / 1e3
    if need.target in {Target.CLOUD, Target.SERVER}:
        return memory.serving_16bit_gb(model, context=need.serving_context)
    return memory.serving_gb(model, context=need.serving_context)


Rule = Callable[[ModelSpec, Need], str | None]
RULES: tuple[Rule, ...] = (
    _licence, _length, _training, _serving, _language, _system_role, _tools,
)  # fmt: skip
