"""Turns every error of the API into `{"detail": "<one sentence>"}`, here and only
here."""

import errno
import logging
import re
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404
from redis.exceptions import RedisError
from requests import RequestException
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler

from slmgen import errors
from slmgen.http.bearer import CHALLENGE

logger = logging.getLogger("slmgen.api")

STATUS: dict[type[errors.SlmgenError], int] = {
    errors.NotReady: 202,
    errors.InvalidInput: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
}
FULL = re.compile("disk is full|No space left")  # messages of SQLite and of PostgreSQL


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The response to an expected error; None, which becomes a 500, for all others."""
    error = translated(error)
    if isinstance(error, errors.SlmgenError):
        return _answer(error)
    response = drf_handler(error, context)
    if response is not None:
        response.data = {"detail": _sentence(error)}
    return response


def translated(error: Exception) -> Exception:
    """Translates exceptions of Django and of the database into our own."""
    match error:
        case Http404() | PermissionDenied():
            return errors.NotFound("There is nothing here.")
        case RequestDataTooBig():
            return errors.TooLarge("The request is larger than this server takes.")
        case SuspiciousOperation():
            return errors.InvalidInput("The request is malformed; check its form data.")
        case OperationalError() if FULL.search(str(error)):
            logger.exception("the database has no space left")
            return full()
        case OperationalError() | InterfaceError() | RedisError():
            logger.exception("the database does not answer")
            return errors.Unavailable("The database is busy or down; try again.", 5)
        case RequestException():
            logger.exception("a server that signs people in does not answer")
            return errors.Unavailable(
                "The server that signs you in does not answer; try again.", 30
            )
        case OSError():
            logger.exception("the storage does not answer")
            return storage_error(error)
    return error


def full() -> errors.StorageFull:
    return errors.StorageFull("No space is left on this server; try again later.")


def storage_error(error: OSError) -> errors.SlmgenError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return full()
    return errors.Unavailable("The file storage does not answer; try again.", 5)


def _answer(error: errors.SlmgenError) -> Response:
    response = Response({"detail": error.detail}, status=STATUS[type(error)])
    if isinstance(error, errors.Wait):
        response["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthorized):
        response["WWW-Authenticate"] = CHALLENGE
    return response


def _sentence(error: Exception) -> str:
    match error:
        case exceptions.ValidationError():
            return _first(error.detail)
        case exceptions.MethodNotAllowed():
            return f"{error.detail} See /docs/api/ for what this address answers."
        case exceptions.UnsupportedMediaType():
            return f"{error.detail} Send application/json, or a form to /upload."
    return str(getattr(error, "detail", error))


def _first(detail: Any, path: str = "") -> str:
    """The first message of a serializer's errors, with its field."""
    if isinstance(detail, dict):
        field, inner = next(iter(detail.items()))
        name = "" if field == "non_field_errors" else str(field)
        return _first(inner, f"{path}.{name}" if path and name else path or name)
    if isinstance(detail, list):
        return _first(detail[0], path)
    return f"{path}: {detail}" if path else str(detail)
