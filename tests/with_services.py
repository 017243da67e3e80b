"""Runs a command beside PostgreSQL, Redis and an S3 server, all on loopback.

    python tests/with_services.py COMMAND ...

They live in a temporary folder on free ports, are named to the command by the variables
that the product reads, and end with it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
import psycopg
import redis

BUCKET = "slmgen-tests"
SECONDS_TO_START = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], **options: object) -> Iterator[None]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen(command, **(quiet | options))  # type: ignore[call-overload]
    try:
        yield
    finally:
        running.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()


def wait_for(answers: Callable[[], object], name: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            answers()
        except Exception as error:  # each server is not ready in its own way
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: {error}") from error
            time.sleep(0.1)
        else:
            return


@contextmanager
def postgresql(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL refuses to run as root: as root, its own account runs it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    server = str(found[-1]) if found else shutil.which("postgres")
    if server is None:
        raise SystemExit("PostgreSQL is missing: apt-get install postgresql.")
    data, port = folder / "postgresql", free_port()
    data.mkdir()
    account: dict[str, object] = {}
    if os.getuid() == 0:
        account = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(data, "postgres", "postgres")
        folder.chmod(0o711)
    initdb = [str(Path(server).resolve().with_name("initdb")), "-D", str(data)]
    initdb += ["-U", "slmgen", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **account)  # type: ignore[call-overload]
    options = {"listen_addresses": "127.0.0.1", "port": str(port), "fsync": "off",
               "unix_socket_directories": "", "max_connections": "200"}  # fmt: skip
    command = [server, "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    address = f"postgresql://slmgen@127.0.0.1:{port}/"
    with process(command, cwd="/", **account):
        wait_for(lambda: psycopg.connect(f"{address}postgres").close(), "PostgreSQL")
        with psycopg.connect(f"{address}postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE slmgen")
        yield {"DATABASE_URL": f"{address}slmgen"}


@contextmanager
def redis_server(folder: Path) -> Iterator[dict[str, str]]:
    server, port = shutil.which("redis-server"), free_port()
    if server is None:
        raise SystemExit("Redis is missing: apt-get install redis-server.")
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with process(command, cwd=folder):
        address = f"redis://127.0.0.1:{port}/0"
        wait_for(redis.Redis.from_url(address).ping, "Redis")
        yield {"REDIS_URL": address}


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    port = free_port()
    code = "import sys; from moto.server import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "-H", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    with process(command, cwd=folder):
        wait_for(lambda: urllib.request.urlopen(address).close(), "The S3 server")
        client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1",
            aws_access_key_id="tests", aws_secret_access_key="tests",
        )  # fmt: skip
        client.create_bucket(Bucket=BUCKET)
        yield {
            "SLMGEN_S3_ENDPOINT": address,
            "SLMGEN_S3_BUCKET": BUCKET,
            "SLMGEN_S3_ACCESS_KEY": "tests",
            "SLMGEN_S3_SECRET_KEY": "tests",
        }


@contextmanager
def services() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        variables: dict[str, str] = {}
        for service in (postgresql, redis_server, s3_server):
            variables |= stack.enter_context(service(folder))
        yield variables


if __name__ == "__main__":
    with services() as variables:
        done = subprocess.run(sys.argv[1:], env={**os.environ, **variables})
    sys.exit(done.returncode)
