from datetime import timedelta

from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router
from django.utils import timezone


class SharedCache(DatabaseCache):
    """Django's database cache with an atomic counter, shared by all processes.

    Django's own `incr` reads and then writes, so two processes may count as one.
    """

    _table: str  # set by Django, missing from its stubs

    def count(self, key: str, timeout: int) -> int:
        """Adds 1 in one statement; a new key starts at 1. `get` cannot read the
        counter."""
        connection = connections[router.db_for_write(self.cache_model_class)]
        table = connection.ops.quote_name(self._table)
        ends = timezone.now().replace(microsecond=0) + timedelta(seconds=timeout)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (cache_key, value, expires) VALUES (%s, '1', %s) "  # noqa: S608  # our own table, quoted
                "ON CONFLICT (cache_key) DO UPDATE SET "
                f"value = CAST(CAST({table}.value AS integer) + 1 AS text) "
                "RETURNING value",
                [
                    self.make_and_validate_key(key),
                    connection.ops.adapt_datetimefield_value(ends),
                ],
            )
            return int(cursor.fetchone()[0])

    def forget_ended(self) -> int:
        """Deletes expired rows, which counting alone never does."""
        connection = connections[router.db_for_write(self.cache_model_class)]
        table = connection.ops.quote_name(self._table)
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [now])  # noqa: S608  # as above
            return int(cursor.rowcount)
