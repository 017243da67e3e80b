from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class OrderedJSONField(models.JSONField):
    """JSON that keeps the order of its keys; PostgreSQL's jsonb sorts them by
    length."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        if connection.vendor == "postgresql":
            return "json"
        return super().db_type(connection)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if connection.vendor != "postgresql" or not isinstance(value, dict | list):
            return super().get_db_prep_value(value, connection, prepared)
        # Imported late: without PostgreSQL the package is not installed.
        from psycopg.types.json import Json

        return Json(value)

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> Any:
        if connection.vendor == "postgresql":
            return value  # psycopg has parsed it already
        return super().from_db_value(value, expression, connection)
