"""A need: the data, the purpose of the model, and the user's requirements."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from datasets.core.analysis.profile import Profile
from recommender.core.catalog.catalog import Catalog, Target, Task
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu, read_gpu
from recommender.core.needs.known_data import KnownData, KnownInsights
from recommender.core.synonyms import remarks
from slmgen.error_text import shown
from slmgen.errors import InvalidInput

SERVING_CONTEXT = 4096  # tokens, or more where the longest examples need it
SHORT_ANSWER = 50  # average tokens of an answer; a thinking model writes more
UNKNOWN_LANGUAGE = "unknown"
LANGUAGE_SHARE = 0.05  # of the text's letters
SCRIPT_LANGUAGES = {
    "arabic": ("ar", "fa", "ur"),
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
SIZE = re.compile(r"(\d{1,4}(?:\.\d{1,3})?) ?([BM])?", re.IGNORECASE)


@dataclass(frozen=True)
class Wishes:
    """Requirements besides task and target."""

    gpu: Gpu = DEFAULT_GPU
    commercial_use: bool = True
    max_parameters: float | None = None
    languages: tuple[str, ...] = ()
    ungated_only: bool = False
    # How names that are not ours were understood.
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Need:
    profile: Profile
    task: Task
    target: Target
    wishes: Wishes = Wishes()
    insights: KnownInsights = field(default_factory=KnownInsights)

    @cached_property
    def data(self) -> KnownData:
        """The part that estimates of a training use."""
        return KnownData(self.profile, self.insights)

    @property
    def serving_context(self) -> int:
        return max(SERVING_CONTEXT, self.profile.tokens_p99)

    @property
    def average_answer(self) -> float:
        """Average tokens of an answer."""
        answers = self.profile.roles.get("assistant", 0)
        return self.profile.answer_tokens / max(answers, 1)

    @property
    def scripts(self) -> dict[str, float]:
        """Writing systems with more than 5 % of the letters, the largest first."""
        shares = sorted(self.profile.scripts.items(), key=lambda pair: -pair[1])
        return {name: share for name, share in shares if share > LANGUAGE_SHARE}

    @property
    def main_languages(self) -> dict[str, float]:
        """Languages of more than 5 % of the examples; empty without insights."""
        return {
            code: share
            for code, share in self.insights.languages.items()
            if share > LANGUAGE_SHARE and code != UNKNOWN_LANGUAGE
        }

    @property
    def is_multilingual(self) -> bool:
        """Whether most of it is in a language other than English, as far as is
        known."""
        if self.insights.languages.get("en", 1.0) < 0.5:
            return True
        foreign = sum(
            share for name, share in self.profile.scripts.items() if name != "latin"
        )
        return foreign > 0.5 or any(code != "en" for code in self.wishes.languages)


def languages_of(script: str, scripts: Collection[str]) -> tuple[str, ...]:
    """Language codes of a script; empty for Latin, which proves no language."""
    if script == "han" and "kana" in scripts:
        return ("ja",)
    return SCRIPT_LANGUAGES.get(script, ())


def parse_wishes(
    catalog: Catalog,
    *,
    gpu: str = DEFAULT_GPU.name,
    commercial_use: bool = True,
    max_model_size: str | None = None,
    languages: Iterable[str] = (),
    ungated_only: bool = False,
    assumptions: tuple[str, ...] = (),
) -> Wishes:
    """Raises InvalidInput for unknown values, with the known ones."""
    card = read_gpu(gpu)
    return Wishes(
        gpu=card.value,
        commercial_use=commercial_use,
        max_parameters=None if max_model_size is None else _parse_size(max_model_size),
        languages=tuple(_parse_language(code, catalog) for code in languages),
        ungated_only=ungated_only,
        assumptions=(*assumptions, *remarks(card)),
    )


def _parse_size(value: str) -> float:
    match = SIZE.fullmatch(value.strip())
    if match is None or not float(match[1]):
        raise InvalidInput(
            f"max_model_size is {shown(value)}; expected parameters in billions or "
            "with a unit, such as 4, 4B or 600M."
        )
    unit = 1e6 if (match[2] or "B").upper() == "M" else 1e9
    return float(match[1]) * unit


def _parse_language(value: str, catalog: Catalog) -> str:
    code = value.strip().lower().replace("_", "-").split("-")[0]
    known = known_languages(catalog)
    if code not in known:
        raise InvalidInput(
            f"languages holds {shown(value)}; expected ISO 639-1 codes out of "
            f"{', '.join(known)}."
        )
    return code


def known_languages(catalog: Catalog) -> tuple[str, ...]:
    named = {code for model in catalog.models for code in model.languages.codes}
    scripts = {code for codes in SCRIPT_LANGUAGES.values() for code in codes}
    return tuple(sorted(named | scripts))
