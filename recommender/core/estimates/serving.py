"""Memory that a fine-tuned model needs where it is deployed, and memory that is
there."""

from dataclasses import dataclass

from recommender.core.catalog.catalog import ModelSpec, Target
from recommender.core.estimates import memory
from recommender.core.needs.needs import Need


@dataclass(frozen=True)
class Place:
    label: str
    limit_gb: float  # available to the model
    bits: int
    basis: str


PLACES = {
    Target.CLOUD: Place("a 24 GB GPU", 24.0, 16, "arithmetic, one request at a time"),
    Target.SERVER: Place("a 24 GB GPU", 24.0, 16, "arithmetic, one request at a time"),
    Target.DESKTOP: Place("half of a 16 GB desktop", 8.0, 4, "our assumption"),
    Target.EDGE: Place("an 8 GB board", 6.0, 4, "our assumption"),
    # Files up to 1.9 GB on the middle tier, with cache and runtime.
    Target.MOBILE: Place("a mid-range phone", 2.6, 4, "PocketPal's rules, 2026-06"),
    Target.BROWSER: Place("a laptop's browser", 4.0, 4, "web-llm 0.2.83"),
}


@dataclass(frozen=True)
class Serving:
    place: Place
    gb: float | None  # None: no build is available

    @property
    def fits(self) -> bool:
        return self.gb is not None and self.gb <= self.place.limit_gb


def serving(model: ModelSpec, need: Need) -> Serving:
    place = PLACES[need.target]
    if need.target is Target.BROWSER:
        webllm = model.deployment.webllm_mb
        return Serving(place, None if webllm is None else webllm / 1e3)
    context = min(need.serving_context, model.context_length)
    formula = memory.serving_16bit_gb if place.bits == 16 else memory.serving_gb
    return Serving(place, formula(model, context=context))
