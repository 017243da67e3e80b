from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms

from notebooks.core.planning.settings import BY_NAME, OPTIONS, Option, Value
from recommender.core.catalog.gpus import DEFAULT_GPU, Gpu
from recommender.forms import GpuChoiceField
from slmgen.errors import InvalidInput

ADVANCED = [option for option in OPTIONS if option.name != "preset"]
NAMES = {
    "lora_rank": "LoRA rank",
    "lora_alpha": "LoRA alpha",
    "lora_dropout": "LoRA dropout",
    "num_epochs": "Epochs",
    "max_seq_length": "Max sequence length",
}
TRUTH = {"true": True, "false": False}


class OptionField(forms.CharField):
    """A setting of a training run; an empty one is computed."""

    def __init__(self, option: Option) -> None:
        super().__init__(required=False, max_length=40, widget=_widget(option))
        self.option = option

    def clean(self, value: Any) -> Value | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return self.option.check(_typed(self.option, text))
        except InvalidInput:
            raise forms.ValidationError(
                f"Found {text!r}; expected {self.option.range}."
            ) from None


def _widget(option: Option) -> forms.Widget:
    if option.choices or option.kind is bool:
        choices = option.choices or tuple(TRUTH)
        return forms.Select(choices=[("", "Computed"), *((c, c) for c in choices)])
    return forms.TextInput({"inputmode": "decimal", "autocomplete": "off"})


def _typed(option: Option, text: str) -> object:
    if option.kind is bool:
        return TRUTH.get(text, text)
    if option.choices:
        return text
    try:
        return int(text) if option.kind is int else float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Setting:
    """A field with its help on the page."""

    bound: forms.BoundField
    name: str
    help: str
    range: str
    value: str  # in use: chosen, or computed
    is_changed: bool


class TrainingForm(forms.Form):
    """Model, preset and settings; empty ones are computed."""

    model = forms.CharField(required=False, max_length=200)
    preset = forms.ChoiceField(
        required=False, choices=[(c, c) for c in BY_NAME["preset"].choices]
    )

    gpu = GpuChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for option in ADVANCED:
            self.fields[option.name] = OptionField(option)

    def config(self) -> dict[str, Any]:
        """The chosen settings."""
        self.is_valid()
        chosen = {name: self.cleaned_data.get(name) for name in BY_NAME}
        return {
            name: value for name, value in chosen.items() if value not in (None, "")
        }

    def chosen_gpu(self) -> Gpu:
        """The GPU that batch, length and precision are computed for."""
        self.is_valid()
        return self.cleaned_data.get("gpu") or DEFAULT_GPU

    def query(self) -> str:
        """The choices as the query string of this page."""
        model, gpu = self.cleaned_data.get("model", ""), self.cleaned_data.get("gpu")
        return query_of(model, self.config(), gpu.name if gpu else "")

    def settings(self, used: Mapping[str, Value]) -> list[Setting]:
        chosen = self.config()
        return [
            Setting(
                bound=self[option.name],
                name=NAMES.get(option.name, option.name.replace("_", " ").capitalize()),
                help=option.help,
                range=option.range,
                value=written(used[option.name]),
                is_changed=option.name in chosen,
            )
            for option in ADVANCED
        ]


def query_of(model: str, config: Mapping[str, Value], gpu: str) -> str:
    """Model, settings and GPU, where one is chosen, as the query string of their
    page."""
    chosen = {name: written(value) for name, value in config.items()}
    return urlencode({"model": model, **chosen, **({"gpu": gpu} if gpu else {})})


def written(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
