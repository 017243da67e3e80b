from typing import Any

from django import forms

from recommender.core.catalog.catalog import TARGETS, TASKS, Target, Task
from recommender.core.catalog.gpus import DEFAULT_GPU, GPUS, Gpu, parse_gpu
from recommender.core.needs.suggestion import Suggestion
from recommender.core.synonyms import Name, Names, Reading, remarks
from slmgen.errors import InvalidInput


class GpuChoiceField(forms.CharField):
    """A GPU, by name or by its memory, as in the API; None where it is empty."""

    def __init__(self) -> None:
        choices = [(gpu.name, gpu.title) for gpu in GPUS.values()]
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
        if text not in GPUS:  # else the page would show, and submit, another GPU
            self.widget.choices = [*self.widget.choices, (text, gpu.title)]
        return gpu


class NeedForm(forms.Form):
    """Task, target and GPU. Empty fields take the suggestion."""

    task = forms.CharField(required=False, max_length=40)
    target = forms.CharField(required=False, max_length=40)

    gpu = GpuChoiceField()

    def chosen_gpu(self) -> Gpu:
        """Raises InvalidInput."""
        return parse_gpu(self.data.get("gpu") or DEFAULT_GPU.name)

    def need(self, suggestion: Suggestion) -> tuple[Task, Target]:
        task, target = self._readings()
        return (
            task.value if task else suggestion.task.task,
            target.value if target else suggestion.target,
        )

    def assumptions(self) -> tuple[str, ...]:
        return remarks(*(found for found in self._readings() if found))

    def _readings(self) -> tuple[Reading[Task] | None, Reading[Target] | None]:
        self.is_valid()
        return self._read("task", TASKS), self._read("target", TARGETS)

    def _read(self, field: str, names: Names[Name]) -> Reading[Name] | None:
        try:
            return names.read(self.cleaned_data.get(field, ""))
        except InvalidInput:
            return None
