"""What a process of `bounded` has in memory before it begins: the whole engine, with
what takes long to load."""

from datasets.core import (  # noqa: F401  # to be there
    analysis,
    export,
    ingest,
    insights,
    language,
    mending,
    parquet,
    roles,
)
from datasets.core.tokens import token_counter

token_counter("o200k_base")
language.guess("A sentence that is long enough for a guess.")
