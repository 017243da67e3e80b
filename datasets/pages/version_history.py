"""The origin of a dataset, and its other versions."""

from dataclasses import dataclass

from datasets.core.presentation.fix_options import done_in_words
from datasets.models import AnyUser, Dataset

MOST_VERSIONS = 100


@dataclass(frozen=True)
class Version:
    dataset: Dataset
    number: int  # in order of creation
    done: list[str]  # what was changed in its parent
    parent_number: int | None
    is_this: bool


@dataclass(frozen=True)
class VersionOrigin:
    """The origin of a version, as its page shows it."""

    parent: Dataset | None
    done: list[str]


def origin_of(dataset: Dataset, *, user: AnyUser) -> VersionOrigin | None:
    """None for an upload that no other dataset was the source of."""
    visible = Dataset.objects.visible_to(user)
    parent = visible.filter(pk=dataset.parent_id).first() if dataset.parent_id else None
    if parent is None and not dataset.repairs:
        return None
    return VersionOrigin(parent, _done(dataset))


def _done(dataset: Dataset) -> list[str]:
    if dataset.repairs:
        return done_in_words(dataset.repairs)
    return ["Read with other columns"] if dataset.parent_id else []


def versions_of(dataset: Dataset, *, user: AnyUser) -> list[Version]:
    """All versions with the same first version as `dataset`, oldest first."""
    visible = Dataset.objects.visible_to(user)
    root, seen = dataset, {dataset.pk}
    while root.parent_id and len(seen) < MOST_VERSIONS:
        parent = visible.filter(pk=root.parent_id).first()
        if parent is None or parent.pk in seen:
            break
        root = parent
        seen.add(root.pk)
    found = {root.pk: root}
    newest = [root.pk]
    while newest and len(found) < MOST_VERSIONS:
        children = visible.filter(parent__in=newest).exclude(pk__in=found)
        newest = [child.pk for child in children[: MOST_VERSIONS - len(found)]]
        found |= {child.pk: child for child in children if child.pk in newest}
    ordered = sorted(found.values(), key=lambda each: each.created_at)
    numbers = {each.pk: number for number, each in enumerate(ordered, 1)}
    return [
        Version(
            dataset=each,
            number=numbers[each.pk],
            done=_done(each),
            parent_number=numbers.get(each.parent_id) if each.parent_id else None,
            is_this=each.pk == dataset.pk,
        )
        for each in ordered
    ]
