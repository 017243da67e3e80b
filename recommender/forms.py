from typing import Any

from django import forms

from recommender.core.cards import TARGET_NAMES, TASK_NAMES
from recommender.core.catalog import Target, Task
from recommender.core.gpus import DEFAULT_GPU, GPUS, Gpu, parse_gpu
from recommender.core.suggestion import Suggestion
from slmgen.errors import InvalidInput


class GpuField(forms.CharField):
    """A GPU as the API takes it: a known name, or its memory; None where left empty."""

    def __init__(self) -> None:
        choices = [(gpu.name, gpu.label) for gpu in GPUS.values()]
        super().__init__(
            required=False, max_length=40, widget=forms.Select(choices=choices)
        )

    def clean(self, value: Any) -> Gpu | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            gpu = parse_gpu(text)
        except InvalidInput as error:
            raise forms.ValidationError(error.detail) from None
        if text not in GPUS:  # or the page would show, and send, another
            self.widget.choices = [*self.widget.choices, (text, gpu.label)]
        return gpu


class NeedForm(forms.Form):
    """Task, place and GPU. What is not answered takes the suggestion."""

    task = forms.ChoiceField(
        required=False,
        choices=[(task.value, name) for task, name in TASK_NAMES.items()],
    )
    target = forms.ChoiceField(
        required=False,
        choices=[(target.value, name) for target, name in TARGET_NAMES.items()],
    )

    gpu = GpuField()

    def chosen_gpu(self) -> Gpu:
        """Raises InvalidInput."""
        return parse_gpu(self.data.get("gpu") or DEFAULT_GPU.name)

    def need(self, suggestion: Suggestion) -> tuple[Task, Target]:
        self.is_valid()
        values = self.cleaned_data
        return (
            Task(values.get("task") or suggestion.task.task),
            Target(values.get("target") or suggestion.target),
        )
