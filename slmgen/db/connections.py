"""The database's connection of this thread, while no query needs it."""

from django.db import connection


def release_connection() -> None:
    """Gives it back: a pool would soon be empty of connections that only wait. An open
    transaction keeps its own, with which it would end."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
