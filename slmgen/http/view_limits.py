"""What a view declares of its requests: how they count, and whether they are large."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])  # a function or a class


def counted_as(kind: str) -> Callable[[View], View]:
    """Counts writing requests as this kind of SLMGEN_RATES; "" counts none at all."""
    return _declaring("counted_as", kind)


def takes_files(view: View) -> View:
    """Lets a request be as large as an upload."""
    return _declaring("takes_files", True)(view)


def count_of(view: Callable[..., Any]) -> str:
    return str(_declared(view, "counted_as", "requests"))


def may_be_large(view: Callable[..., Any]) -> bool:
    return bool(_declared(view, "takes_files", False))


def _declaring(name: str, value: object) -> Callable[[View], View]:
    def declare(view: View) -> View:
        setattr(view, name, value)
        return view

    return declare


def _declared(view: Callable[..., Any], name: str, default: object) -> object:
    view_class = getattr(view, "view_class", view)  # behind `as_view()`
    return getattr(view_class, name, default)
