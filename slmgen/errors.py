"""Exceptions whose message may be shown to a user.

Core and services raise these; `slmgen.http.api_errors` alone turns them into HTTP.
"""

from collections.abc import Sequence


class SlmgenError(Exception):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(SlmgenError):
    """Malformed or meaningless input: in the form field `field`, if there is one, and
    as separate sentences in `problems` where `detail` has several."""

    def __init__(
        self, detail: str, *, field: str = "", problems: Sequence[str] = ()
    ) -> None:
        super().__init__(detail)
        self.field = field
        self.problems = list(problems) or [detail]


class Unauthorized(SlmgenError):
    """The user could not be authenticated."""


class Forbidden(SlmgenError):
    """The user is authenticated, but may not do this."""


class NotFound(SlmgenError):
    """The object does not exist, or this user may not know of it."""


class Conflict(SlmgenError):
    """The object is in a state that does not allow this."""


class TooLarge(SlmgenError):
    """More bytes than this server accepts."""


class StorageFull(SlmgenError):
    """The disk is full."""


class Wait(SlmgenError):
    """Too early or too often; try again in `retry_after` seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotReady(Wait):
    """The result is still being computed, by work on the dataset with this id;
    `percent` of it, where known."""

    def __init__(
        self,
        detail: str,
        retry_after: int,
        *,
        percent: int | None = None,
        dataset_id: str = "",
    ) -> None:
        super().__init__(detail, retry_after)
        self.percent = percent
        self.dataset_id = dataset_id


class TooMany(Wait):
    """More requests than the rate limit allows."""


class Unavailable(Wait):
    """A service that this server depends on does not respond."""
