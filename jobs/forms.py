from typing import Any

from django import forms

from jobs.core.progress import RunState
from jobs.models import Job
from jobs.pages.history import HistoryChoices, HistoryFilter
from jobs.pages.job_page import Look

ANY = ("", "Any")


class MoveForm(forms.Form):
    """The next status of a job, and the reason."""

    status = forms.ChoiceField(choices=Job.Status.choices)
    reason = forms.CharField(required=False, max_length=200)


class DeletionForm(forms.Form):
    """Whether the dataset is deleted with the job; by default it stays."""

    dataset = forms.BooleanField(required=False, label="Also delete the dataset")


class LookForm(forms.Form):
    """Display options of a job's page; invalid ones are ignored."""

    scale = forms.ChoiceField(required=False, choices=[("log", ""), ("linear", "")])
    live = forms.ChoiceField(required=False, choices=[("on", ""), ("off", "")])

    def look(self) -> Look:
        self.is_valid()
        chosen = self.cleaned_data
        return Look(log=chosen.get("scale") == "log", live=chosen.get("live") != "off")


class HistoryForm(forms.Form):
    """Filter of the history; invalid values are ignored, and the default page is 1."""

    q = forms.CharField(required=False, max_length=100, label="Text")
    state = forms.ChoiceField(
        required=False,
        choices=[ANY, *((state.value, state.value) for state in RunState)],
    )
    model = forms.ChoiceField(required=False)
    dataset = forms.ChoiceField(required=False, label="Data")
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)

    def __init__(self, query: Any, choices: HistoryChoices) -> None:
        super().__init__(query)
        self.fields["model"].choices = [ANY, *choices.models]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["dataset"].choices = [ANY, *choices.datasets]  # type: ignore[attr-defined]  # as above

    def wanted(self) -> HistoryFilter:
        self.is_valid()
        chosen = self.cleaned_data
        return HistoryFilter(
            text=chosen.get("q", ""),
            state=RunState(chosen["state"]) if chosen.get("state") else None,
            model=chosen.get("model", ""),
            dataset=chosen.get("dataset") or None,
            page=chosen.get("page") or 1,
        )
