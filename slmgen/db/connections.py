"""Releases the database connection of a thread that only waits."""

from django.db import connection


def release_connection() -> None:
    """Returns it to the pool, which connections of waiting threads would soon empty.
    Keeps it inside a transaction, which would end with it."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
