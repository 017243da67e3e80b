"""Log lines without secrets or user data.

Whole ids open data that nobody owns, tokens let their holder in, and the message of an
exception may quote what a user sent. None of them is written, whichever library logs
it.
"""

import json
import logging
import re
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

request_id_now: ContextVar[str] = ContextVar("request_id_now", default="")

SHOWN_CHARACTERS = 8  # of an id: enough to find it, too few to use it
IDS = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,})",
    re.IGNORECASE,
)
SECRETS = re.compile(
    r"\b(slm_pat_|slt_|Bearer\s+|eyJ)[\w.~+/=-]+"  # our tokens, and any JWT
    r"|\b((?:token|secret|password|key)\s*[=:]\s*)[^\s,;&]+"
    r"|\b((?:authorization|cookie)\s*[=:]\s*).+",
    re.IGNORECASE,
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Raised = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)


def configuration(*, level: str, form: str) -> dict[str, Any]:
    """The configuration of the standard library's logging; `form` is "lines" or
    "json"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {"()": "slmgen.observability.logs.RequestLines"},
            "json": {"()": "slmgen.observability.logs.JsonLines"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # They log every 4xx, as we do.
            "django.request": {"level": "ERROR"},
            # uvicorn would log in a format of its own, with the messages of exceptions.
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True},
            # Logs whole paths and queries.
            "uvicorn.access": {"handlers": [], "propagate": False, "level": "CRITICAL"},
        },
    }


def without_secrets(text: str) -> str:
    text = SECRETS.sub(lambda found: f"{found[1] or found[2] or found[3]}…", text)
    text = IDS.sub(lambda found: f"{found[1]}…", text)
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class RequestLines(logging.Formatter):
    """For people: one line a message, and the stack of an exception."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        request = request_id_now.get()
        return (
            f"{moment:%Y-%m-%d %H:%M:%S} {record.levelname} {record.name}: "
            f"{without_secrets(record.message)}" + (f" [{request}]" if request else "")
        )

    def formatException(self, ei: Raised) -> str:
        """The stack and the type of an exception; its message may quote a user's
        data."""
        return "\n".join(frames(ei))


class JsonLines(RequestLines):
    """For programs: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if request := request_id_now.get():
            line["request_id"] = request
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["raised"] = frames(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def frames(raised: Raised) -> list[str]:
    kind, error, trace = raised
    if kind is None:
        return []
    places = [
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        for frame in traceback.extract_tb(trace)
    ]
    cause = error.__cause__ if error is not None else None
    before = frames((type(cause), cause, cause.__traceback__)) if cause else []
    return [*before, *places, f"{kind.__module__}.{kind.__qualname__}"]
