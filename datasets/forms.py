from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf.locale import LANG_INFO
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import QueryDict

from datasets.core.conversation import ROLES
from datasets.core.faults.catalog import KINDS
from datasets.core.fixes.operations import Repair, repair_of
from datasets.pages.rows import COPIES, RowFilter
from datasets.samples import SAMPLES, sample_file

ANY = [("", "Any")]
ISSUES = [(kind.name, kind.title) for kind in KINDS.values()]
NAMED_PARTS = ("user", "assistant", "system")
PART_WORDS = {
    "messages": "Whole conversation",
    "user": "Question",
    "assistant": "Answer",
    "system": "System prompt",
    "context": "Context, added to the question",
    "history": "Earlier questions and answers",
}


class UploadForm(forms.Form):
    """A file, pasted text or the name of a sample."""

    file = forms.FileField(required=False, allow_empty_file=True)
    text = forms.CharField(required=False, strip=False)
    sample = forms.ChoiceField(
        required=False, choices=[(sample.name, sample.title) for sample in SAMPLES]
    )

    user = forms.CharField(required=False, max_length=200)
    assistant = forms.CharField(required=False, max_length=200)
    system = forms.CharField(required=False, max_length=200)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not any(values.get(name) for name in ("file", "text", "sample")):
            self.add_error("file", "Choose a file, paste some rows, or take a sample.")
        return values

    @property
    def source(self) -> str:
        """The field that was filled in."""
        names = (name for name in ("sample", "file") if self.cleaned_data.get(name))
        return next(names, "text")

    def mapping(self) -> dict[str, str] | None:
        """The named columns; None leaves it to the rows."""
        values = {part: self.cleaned_data.get(part) for part in NAMED_PARTS}
        return {part: name for part, name in values.items() if name} or None

    def upload(self) -> "UploadedFile[bytes]":
        if self.source == "file":
            file: UploadedFile[bytes] = self.cleaned_data["file"]
            return file
        if self.source == "sample":
            return sample_file(self.cleaned_data["sample"])
        return SimpleUploadedFile("pasted.jsonl", self.cleaned_data["text"].encode())


def language_name(code: str) -> str:
    known = LANG_INFO.get(code, {})
    return str(known.get("name", code.capitalize() if len(code) > 3 else code))


class RowsForm(forms.Form):
    """Which rows to show; invalid values fall back to their defaults."""

    q = forms.CharField(required=False, max_length=200, label="Text")
    issue = forms.ChoiceField(
        required=False,
        choices=[*ANY, (COPIES, "Exact copies"), *ISSUES],
    )
    role = forms.ChoiceField(
        required=False, choices=[*ANY, *((role, role) for role in ROLES)]
    )
    language = forms.ChoiceField(required=False)
    min_tokens = forms.IntegerField(
        required=False, min_value=0, max_value=10**9, label="Tokens from"
    )
    max_tokens = forms.IntegerField(
        required=False, min_value=0, max_value=10**9, label="Tokens to"
    )
    row = forms.IntegerField(
        required=False, min_value=1, max_value=10**9, label="From row"
    )

    def __init__(self, sent: QueryDict, languages: Mapping[str, int]) -> None:
        """`languages` counts rows; empty without insights."""
        super().__init__(sent)
        choices = [
            (code, f"{language_name(code)} ({count:,})")
            for code, count in languages.items()
        ]
        self.fields["language"] = forms.ChoiceField(
            required=False, choices=[*ANY, *choices]
        )

    def wanted(self) -> RowFilter:
        self.is_valid()
        values = self.cleaned_data
        return RowFilter(
            row=values.get("row") or 1,
            text=values.get("q") or "",
            role=values.get("role") or "",
            issue=values.get("issue") or "",
            language=values.get("language") or "",
            min_tokens=values.get("min_tokens") or 0,
            max_tokens=values.get("max_tokens"),
        )


class ProblemsForm(forms.Form):
    """Which problems to list; an invalid page or kind falls back to the first."""

    kind = forms.ChoiceField(required=False, choices=[*ANY, *ISSUES])
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)

    def chosen(self) -> tuple[str | None, int]:
        """Kind and page."""
        self.is_valid()
        values = self.cleaned_data
        return values.get("kind") or None, values.get("page") or 1


class ColumnsForm(forms.Form):
    """Which column of the file holds what."""

    def __init__(self, columns: Iterable[str], values: Mapping[str, Any]) -> None:
        super().__init__(values)
        choices = [("", "none"), *((name, name) for name in columns)]
        for part, words in PART_WORDS.items():
            self.fields[part] = forms.ChoiceField(
                required=False, choices=choices, label=words
            )

    def mapping(self) -> dict[str, str]:
        self.is_valid()
        return {part: name for part, name in self.cleaned_data.items() if name}


def wanted_repairs(sent: QueryDict) -> tuple[Repair, ...]:
    """The repairs of a button or form, in an order that makes sense: repairs of rows
    come before those that compare and remove them. Raises InvalidInput."""
    roles = {
        old: new
        for old, new in zip(sent.getlist("from"), sent.getlist("to"), strict=False)
        if new and new != old
    }
    wanted = []
    if roles:
        wanted.append(repair_of("map_roles", roles=roles))
    for name, kind in (("fix", "fix_faults"), ("drop", "drop_faults")):
        if faults := sent.getlist(name):
            wanted.append(repair_of(kind, faults))
    plain = dict.fromkeys(sent.getlist("do"))
    return (*wanted, *(repair_of(kind) for kind in plain))


class ContentForm(forms.Form):
    """Which page of rows support opens; an invalid one is the first."""

    page = forms.IntegerField(required=False, min_value=1, max_value=10**7)

    def number(self) -> int:
        self.is_valid()
        return self.cleaned_data.get("page") or 1
