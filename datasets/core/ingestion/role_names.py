"""The role names of an upload, as its file spells them."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from datasets.core.conversation import ROLES
from datasets.core.faults.fault import Fault
from datasets.core.ingestion.ingest import Limits
from datasets.core.layouts.columns import Layout
from datasets.core.layouts.conversion import ROLE_OF
from datasets.core.readers.detection import open_rows
from datasets.core.readers.json_text import decode
from datasets.core.validation.batch import reader_for

ROWS_READ = 20_000
SHOWN_ROLES = 30
LONGEST_NAME = 100  # characters; longer ones are misplaced text


@dataclass(frozen=True)
class RoleName:
    name: str
    messages: int

    @property
    def is_known(self) -> bool:
        return self.name in ROLES

    @property
    def suggestion(self) -> str:
        """The role that a name most likely means; empty where it is unclear."""
        name = self.name.strip().lower()
        meant = name if name in ROLES else ROLE_OF.get(name, "")
        return "" if self.is_known else meant


def roles_in(source: BinaryIO, limits: Limits, layout: Layout) -> list[RoleName]:
    """Role names in the first rows: unknown ones first, the most frequent first."""
    opened = open_rows(
        source, max_row_bytes=limits.max_row_bytes, max_bytes=limits.max_bytes
    )
    reader = reader_for(layout.columns)
    counts: Counter[str] = Counter()
    for row in islice(opened.rows, ROWS_READ):
        if row.fault is None:
            counts.update(_roles_of(reader(row).text or row.text))
    found = [RoleName(name, count) for name, count in counts.most_common()]
    return sorted(found, key=lambda role: role.is_known)[:SHOWN_ROLES]


def _roles_of(text: bytes) -> list[str]:
    try:
        messages = decode(text)["messages"]
        roles = [message.get("role") for message in messages]
    except (Fault, KeyError, TypeError, AttributeError):  # no list of messages
        return []
    return [
        role for role in roles if isinstance(role, str) and 0 < len(role) < LONGEST_NAME
    ]
