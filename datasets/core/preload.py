"""Imports that `processes.bounded` loads once, before it forks: the whole engine."""

# ruff: noqa: F401  # they are imported to be there
from datasets.core.analysis import analyze, language
from datasets.core.exports import export
from datasets.core.fixes import apply
from datasets.core.ingestion import ingest, role_names
from datasets.core.insights import insights
from datasets.core.readers import parquet
from datasets.core.tokenization.counter import token_counter

token_counter("o200k_base")
language.guess("A sentence that is long enough for a guess.")
