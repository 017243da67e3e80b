"""What can go wrong, said in one sentence that the caller may show to a user.

Core and services raise these; `slmgen.http.api_errors` alone turns them into HTTP.
"""

from collections.abc import Sequence


class SlmgenError(Exception):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(SlmgenError):
    """What was sent is malformed or makes no sense: in the `field` that a form may
    have, and sentence by sentence in `problems` where `detail` is many."""

    def __init__(
        self, detail: str, *, field: str = "", problems: Sequence[str] = ()
    ) -> None:
        super().__init__(detail)
        self.field = field
        self.problems = list(problems) or [detail]


class Unauthorized(SlmgenError):
    """Who is asking could not be established."""


class Forbidden(SlmgenError):
    """Who is asking is known, and may not do this."""


class NotFound(SlmgenError):
    """No such object, or none that this caller may know of."""


class Conflict(SlmgenError):
    """The object is in a state that does not allow this."""


class TooLarge(SlmgenError):
    """More bytes than this server takes."""


class StorageFull(SlmgenError):
    """No space is left to keep what was sent."""


class Wait(SlmgenError):
    """Asked too early or too often; worth asking again in `retry_after` seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotReady(Wait):
    """The answer is still being computed, by work on the dataset with this id;
    `percent` of it, where that is known."""

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
    """More requests than one client may send."""


class Unavailable(Wait):
    """A part that this server depends on does not answer."""
