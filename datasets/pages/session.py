"""The datasets that a browser has uploaded, kept in its session; no account is
needed."""

import uuid

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Q

from datasets.models import AnyUser, Dataset

KEY = "datasets"
MOST_KEPT = 200
MOST_SHOWN = 10


def remember(session: SessionBase, dataset: Dataset) -> None:
    known = [key for key in session.get(KEY, []) if key != str(dataset.id)]
    session[KEY] = [str(dataset.id), *known][:MOST_KEPT]


def remembered(session: SessionBase) -> list[uuid.UUID]:
    return [uuid.UUID(key) for key in session.get(KEY, [])]


def recent(session: SessionBase, user: AnyUser) -> list[Dataset]:
    """The latest datasets of this browser and of this user."""
    own = Q(pk__in=remembered(session))
    if user.is_authenticated:
        own |= Q(owner=user.pk)
    return list(Dataset.objects.visible_to(user).filter(own)[:MOST_SHOWN])


def may_delete(session: SessionBase, user: AnyUser, dataset: Dataset) -> bool:
    """Allows the owner, or the browser that uploaded an unowned dataset. Others who
    know the address may only view it."""
    if dataset.owner_id is not None:
        return bool(user.is_authenticated and user.pk == dataset.owner_id)
    return dataset.pk in remembered(session)
