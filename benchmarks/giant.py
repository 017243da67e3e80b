"""A dataset too large for one host, done by an engine that spreads over many: Daft over
the Parquet form. Here on one machine; `daft.set_runner_ray()` is all that changes.

    python benchmarks/giant.py 'parts/*.parquet'

The parts are what /datasets/{id}/export?format=parquet answers. It needs an interpreter
with daft and toktok-rs (pip install daft toktok-rs), and prints the rows, tokens and
exact copies as SLMGEN counts.
"""

import hashlib
import json
import sys
from typing import Any

import daft
import toktok

ENCODING = "o200k_base"


@daft.func(return_dtype=daft.DataType.string())
def identity(messages: list[dict[str, Any]]) -> str:
    """The same for conversations of the same roles and texts."""
    text = json.dumps([[one["role"], one["content"]] for one in messages])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@daft.func(return_dtype=daft.DataType.int64())
def tokens(messages: list[dict[str, Any]]) -> int:
    texts = [one["content"] or "" for one in messages]
    return sum(toktok.batch_count(texts, ENCODING, threads=1))


def main(parts: str) -> None:
    rows = daft.read_parquet(parts)
    known = rows.select(
        identity(daft.col("messages")).alias("identity"),
        tokens(daft.col("messages")).alias("tokens"),
    )
    groups = known.groupby("identity").agg(
        daft.col("tokens").sum().alias("tokens"),
        daft.col("identity").count().alias("copies"),
    )
    found = groups.agg(
        daft.col("tokens").sum().alias("tokens"),
        daft.col("copies").sum().alias("rows"),
        daft.col("copies").count().alias("different"),
    ).to_pydict()
    count, different = found["rows"][0], found["different"][0]
    print(
        f"rows {count:,}  tokens {found['tokens'][0]:,}  copies {count - different:,}"
    )


if __name__ == "__main__":
    main(sys.argv[1])
