from django import forms

from recommender.core.catalog import TARGETS, TASKS, Target, Task
from recommender.core.names import Name, Names, Reading, remarks
from recommender.core.suggestion import Suggestion
from slmgen.errors import InvalidInput


class NeedForm(forms.Form):
    """The two questions. What is not answered takes the suggestion."""

    task = forms.CharField(required=False, max_length=40)
    target = forms.CharField(required=False, max_length=40)

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
