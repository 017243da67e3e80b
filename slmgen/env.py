"""Reads environment variables, once, for `settings.py`; a bad value stops the start."""

import os
import secrets
import stat
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

LAST_PORT = 65_535
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """The value, or the content of the file that `<name>_FILE` points to."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names {file!r}, which cannot be read: {error}. Expected "
                f"a text file that holds the value of {name}."
            ) from None
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE | FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name} is {value!r}; expected true or false.")


def number(name: str, default: int, *, at_least: int = 0) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or int(value) < at_least:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; expected a whole number of at least {at_least}."
        )
    return int(value)


def port(name: str, default: int) -> int:
    found = number(name, default, at_least=1)
    if found > LAST_PORT:
        raise ImproperlyConfigured(
            f"{name} is {found}; expected a port from 1 to {LAST_PORT}."
        )
    return found


def words(name: str, default: str) -> list[str]:
    return [word for word in text(name, default).replace(",", " ").split() if word]


def choice(name: str, *known: str) -> str:
    """One of `known`; the first of them where the variable is not set."""
    value = text(name) or known[0]
    if value not in known:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; expected one of {', '.join(known)}."
        )
    return value


def origin(name: str) -> str:
    """Scheme, host and any unusual port, such as https://example.org; may be empty."""
    value = text(name).rstrip("/")
    try:
        found = urlsplit(value)
        whole = found.scheme in {"http", "https"} and bool(found.hostname)
        whole = whole and value == f"{found.scheme}://{found.netloc}"
        whole = whole and "@" not in value and found.port != 0
    except ValueError:  # not a valid port
        whole = False
    if value and not whole:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; expected an address without a path, such as "
            "https://slmgen.example.org."
        )
    return value


def networks(name: str, default: str) -> list[str]:
    """Addresses and networks in CIDR notation, such as 10.0.0.0/8."""
    found = words(name, default)
    for word in found:
        try:
            ip_network(word)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} names {word!r}; expected an address such as 10.0.0.1 or a "
                "network such as 10.0.0.0/8."
            ) from None
    return found


def state(name: str, default: Path, *within: str) -> Path:
    """Creates the state folder and those `within` it, open to this user alone."""
    place = Path(text(name) or default).resolve()
    # Files that this process creates from here on are private.
    os.umask(0o077)
    try:
        for folder in (place, *(place / one for one in within)):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} is {str(place)!r}, where no folder can be created "
            f"({error.strerror}: {error.filename}). Expected a folder that this user "
            "may write to."
        ) from None
    _close_to_others(place)
    return place


def _close_to_others(folder: Path) -> None:
    """Older releases left the folder open. A folder that everybody may write to, such
    as /tmp, is shared with others and stays as it is."""
    mode = folder.stat().st_mode
    if mode & 0o077 and not mode & stat.S_ISVTX:
        with suppress(OSError):  # another user's folder stays as that user wants it
            folder.chmod(stat.S_IMODE(mode) & ~0o077)


def share(name: str, folder: Path) -> None:
    """Sets the variable for a library that reads it when it is imported."""
    os.environ[name] = str(folder)


def exported(name: str) -> str:
    """The value, exported for a library that reads the variable but knows no
    `_FILE`."""
    value = text(name)
    if value:
        os.environ[name] = value
    return value


def database(name: str, file: Path, connections: int) -> dict[str, Any]:
    """PostgreSQL at the address in the variable, else SQLite in `file`.

    `connections` is the most that one process holds open to PostgreSQL.
    """
    address = urlsplit(text(name))
    if not text(name):
        return _sqlite(file)
    if address.scheme not in {"postgres", "postgresql"} or not address.path.strip("/"):
        raise ImproperlyConfigured(
            f"{name} must look like postgresql://user:password@host:5432/database."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(address.path.strip("/")),
        "USER": unquote(address.username or ""),
        "PASSWORD": unquote(address.password or ""),
        "HOST": unquote(address.hostname or ""),
        "PORT": str(address.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **dict(parse_qsl(address.query)),
            "pool": {"min_size": 0, "max_size": connections, "timeout": 10},
        },
    }


def _sqlite(file: Path) -> dict[str, Any]:
    # A write transaction takes the lock when it starts (IMMEDIATE). One that upgrades
    # later fails at once with "database is locked" instead of waiting.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
        },
    }


def secret(name: str, file: Path) -> str:
    """The variable, else a random secret that is created once and kept in `file` (mode
    0600)."""
    value = text(name)
    if value:
        return value
    try:
        if not file.exists():
            _create_secret(file)
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} is not set, and its default cannot be kept in {file}: "
            f"{error.strerror}. Set it, or let this user write to that folder."
        ) from None


def _create_secret(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(50), encoding="utf-8")
    # os.link fails where the file exists, so of two first starts one secret wins.
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
