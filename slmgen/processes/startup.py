"""Preconditions of a start: each that is not met stops it with one sentence."""

import errno
import os
import pwd
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from slmgen.processes import file_locks

# What SLMGEN writes in SLMGEN_VAR; a disk mounted there may hold other things.
OWN = ("tmp", "static", "files", "metrics", "mail", "run", "secret_key")
# Processes that are stopping, or whose parent was killed, may need a moment to end.
SECONDS_TO_LEAVE = 5


def check_state() -> None:
    """Everything in the folder can be read and written; after a restore by root it may
    not."""
    database = [file.name for file in settings.VAR.glob("slmgen.sqlite3*")]
    for path in (settings.VAR, *(settings.VAR / name for name in (*OWN, *database))):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise CommandError(
                f"SLMGEN_VAR holds {path}, which the user {_user()} may not read and "
                "write. Give the folder to that user, mount it writable, or set "
                "SLMGEN_VAR to another folder."
            )


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user of a container may have no name
        return str(os.geteuid())


def check_database() -> None:
    """Connects without the pool, which does not report why it cannot connect."""
    driver = cast("Any", connection).Database
    try:
        if connection.vendor == "postgresql":
            address = {"connect_timeout": 10, **connection.get_connection_params()}
            driver.connect(**address).close()
        else:
            connection.ensure_connection()
    except (driver.Error, DatabaseError) as error:
        name = connection.settings_dict["NAME"]
        raise CommandError(
            f"The database {name} cannot be used: {str(error).strip()}\n"
            "Check DATABASE_URL, and that its server runs; without it, expected an "
            "SQLite file that SLMGEN created."
        ) from None


def check_port() -> None:
    """No other process listens on the web server's port."""
    where = f"HOST={settings.HOST} PORT={settings.PORT}"
    try:
        found = socket.getaddrinfo(
            settings.HOST, settings.PORT, type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )  # fmt: skip
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        reason = {
            errno.EADDRINUSE: "another program listens there; stop it or set PORT",
            errno.EADDRNOTAVAIL: "this machine has no such address; set HOST",
            errno.EACCES: "only root may listen there; set PORT to 1024 or more",
        }.get(error.errno or 0, f"{error.strerror}; set HOST or PORT")
        raise CommandError(f"SLMGEN cannot listen at {where}: {reason}.") from None


def claim(parts: Iterable[str]) -> dict[str, int]:
    """Takes the locks of these parts in SLMGEN_VAR; hold them for as long as they
    run."""
    return {part: _claim(part) for part in parts}


def _claim(part: str) -> int:
    file = lock_of(part)
    lock = file_locks.take(file, SECONDS_TO_LEAVE)
    if lock is None:
        process = file.read_text(encoding="ascii").strip()
        raise CommandError(
            f"SLMGEN ({part}) is already running on {settings.VAR}, started by process "
            f"{process}. Stop it first, or set SLMGEN_VAR to another folder."
        )
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def lock_of(part: str) -> Path:
    return Path(settings.VAR, "run", f"{part}.lock")


def clear_leftovers(others: Iterable[str]) -> None:
    """Deletes files of ended processes, unless one of the `others` runs here too: its
    uploads in progress are temporary files, and its metrics are files."""
    if not all(file_locks.is_free(lock_of(part)) for part in others):
        return
    temporary = Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()
    for leftover in [*temporary, *settings.METRICS_FOLDER.glob("*.db")]:
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
