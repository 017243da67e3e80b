from django import forms

from jobs.models import Job


class MoveForm(forms.Form):
    """The state that a job shall have next."""

    status = forms.ChoiceField(choices=Job.Status.choices)


class HistoryForm(forms.Form):
    """Which jobs to list; a page that is none is the first."""

    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)

    def number(self) -> int:
        self.is_valid()
        return self.cleaned_data.get("page") or 1
