from django import forms

from recommender.core.cards import TARGET_NAMES, TASK_NAMES
from recommender.core.catalog import Target, Task
from recommender.core.suggestion import Suggestion


class NeedForm(forms.Form):
    """The two questions. What is not answered takes the suggestion."""

    task = forms.ChoiceField(
        required=False,
        choices=[(task.value, name) for task, name in TASK_NAMES.items()],
    )
    target = forms.ChoiceField(
        required=False,
        choices=[(target.value, name) for target, name in TARGET_NAMES.items()],
    )

    def need(self, suggestion: Suggestion) -> tuple[Task, Target]:
        self.is_valid()
        values = self.cleaned_data
        return (
            Task(values.get("task") or suggestion.task.task),
            Target(values.get("target") or suggestion.target),
        )
