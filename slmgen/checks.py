from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from slmgen.env import LOOPBACK
from slmgen.observability.traces import missing_packages
from slmgen.processes import open_files

MIN_SECRET_CHARACTERS = 32
MIN_TOKEN_CHARACTERS = 20


@register()
def secret_is_long(**kwargs: Any) -> list[CheckMessage]:
    if len(settings.SECRET_KEY) >= MIN_SECRET_CHARACTERS:
        return []
    hint = f"Give SLMGEN_SECRET_KEY at least {MIN_SECRET_CHARACTERS} random characters."
    return [Error("The secret key can be guessed.", hint, id="slmgen.E001")]


@register()
def not_open_in_debug(**kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG or settings.HOST in LOOPBACK:
        return []
    hint = "Unset SLMGEN_DEBUG, or serve on 127.0.0.1."
    return [Error("Debug pages would be open to the network.", hint, id="slmgen.E002")]


@register()
def metrics_token_is_long(**kwargs: Any) -> list[CheckMessage]:
    if not 0 < len(settings.SLMGEN_METRICS_TOKEN) < MIN_TOKEN_CHARACTERS:
        return []
    hint = f"Give SLMGEN_METRICS_TOKEN at least {MIN_TOKEN_CHARACTERS} characters."
    return [Error("The token of /metrics can be guessed.", hint, id="slmgen.E004")]


@register()
def hosts_are_named(**kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "Name the hosts in SLMGEN_ALLOWED_HOSTS."
    return [Warning("Every Host header is believed.", hint, id="slmgen.W001")]


@register()
def bucket_is_named(**kwargs: Any) -> list[CheckMessage]:
    if settings.SLMGEN_STORAGE != "s3" or settings.S3_BUCKET:
        return []
    hint = "Set SLMGEN_S3_BUCKET."
    return [Error("No bucket is named to keep files in.", hint, id="slmgen.E003")]


@register()
def traces_can_be_sent(**kwargs: Any) -> list[CheckMessage]:
    missing = missing_packages() if settings.TRACES else []
    if not missing:
        return []
    hint = "Run pip install -r requirements-traces.lock, or unset the variable."
    message = (
        "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and these packages are missing: "
        f"{', '.join(missing)}."
    )
    return [Error(message, hint, id="slmgen.E005")]


@register()
def enough_files_may_be_open(**kwargs: Any) -> list[CheckMessage]:
    if open_files.limit() >= open_files.NEEDED:
        return []
    message = (
        f"This process may have {open_files.limit():,} files and connections open; a "
        f"busy server needs {open_files.NEEDED:,}."
    )
    hint = "Raise it: LimitNOFILE of systemd, ulimits of a container, or ulimit -Hn."
    return [Warning(message, hint, id="slmgen.W002")]
