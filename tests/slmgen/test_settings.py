import ast
import os
import stat
import subprocess
import sys
from inspect import isfunction

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from slmgen import checks, env
from tests.conftest import GUARD_SECONDS, REPO

READERS = {
    name
    for name, value in vars(env).items()
    if isfunction(value) and value.__module__ == env.__name__ and name != "share"
}


def calls_of_readers():
    tree = ast.parse((REPO / "slmgen/settings.py").read_text(encoding="utf-8"))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READERS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
    ]


def variables_in_settings():
    return {call.args[0].value for call in calls_of_readers()}


def test_the_example_names_every_variable_and_no_other():
    lines = (REPO / ".env.example").read_text(encoding="utf-8").splitlines()
    named = {line.partition("=")[0] for line in lines if line[:1] not in {"", "#"}}

    assert named == variables_in_settings()


def test_the_example_names_the_defaults():
    example = (REPO / ".env.example").read_text(encoding="utf-8").splitlines()
    named = dict(line.split("=", 1) for line in example if line[:1] not in {"", "#"})

    defaults = {call.args[0].value: default_of(call) for call in calls_of_readers()}
    written = {name: value for name, value in defaults.items() if value is not None}

    assert {name: named[name] for name in written} == written
    assert len(written) > 40


def default_of(call):
    """The default as one would write it; None where it is computed."""
    if len(call.args) < 2 or not isinstance(call.args[1], ast.Constant):
        return None
    value = call.args[1].value
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_variables_are_read_in_settings_only():
    readers = [
        path.relative_to(REPO).as_posix()
        for app in ("slmgen", "datasets", "recommender", "jobs", "notebooks")
        for path in (REPO / app).rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8")
    ]

    assert sorted(readers) == [
        "notebooks/source/finetune.py",  # runs elsewhere
        "slmgen/asgi.py",  # names the settings
        "slmgen/env.py",
        "slmgen/management/commands/up.py",  # the surroundings of its children
        "slmgen/wsgi.py",
    ]


def test_a_network_that_is_none_stops_the_start(monkeypatch):
    monkeypatch.setenv("SLMGEN_X", "10.0.0.0/8 nginx")

    with pytest.raises(ImproperlyConfigured, match="SLMGEN_X names 'nginx'"):
        env.networks("SLMGEN_X", "")


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (lambda: env.flag("SLMGEN_X", False), "maybe"),
        (lambda: env.number("SLMGEN_X", 1), "-1"),
        (lambda: env.number("SLMGEN_X", 1, at_least=1), "0"),
        (lambda: env.number("SLMGEN_X", 1), "1e3"),
    ],
)
def test_a_bad_value_stops_the_start(monkeypatch, reader, value):
    monkeypatch.setenv("SLMGEN_X", value)

    with pytest.raises(ImproperlyConfigured, match="SLMGEN_X is "):
        reader()


def test_a_database_address_becomes_postgresql_with_a_pool(monkeypatch, tmp_path):
    address = "postgresql://me:p%40ss@db.example.org:6543/chats?sslmode=require"
    monkeypatch.setenv("SLMGEN_X", address)

    found = env.database("SLMGEN_X", tmp_path / "file", 7)

    assert found.pop("OPTIONS") == {
        "sslmode": "require",
        "pool": {"min_size": 0, "max_size": 7, "timeout": 10},
    }
    assert found == {
        "ENGINE": "django.db.backends.postgresql", "NAME": "chats", "USER": "me",
        "PASSWORD": "p@ss", "HOST": "db.example.org", "PORT": "6543",
        "CONN_HEALTH_CHECKS": True,
    }  # fmt: skip


@pytest.mark.parametrize("address", ["mysql://host/name", "postgresql://host", "chats"])
def test_another_database_stops_the_start(monkeypatch, tmp_path, address):
    monkeypatch.setenv("SLMGEN_X", address)
    with pytest.raises(ImproperlyConfigured, match="SLMGEN_X must look like"):
        env.database("SLMGEN_X", tmp_path / "file", 7)


def test_a_choice_that_does_not_exist_stops_the_start(monkeypatch):
    monkeypatch.setenv("SLMGEN_X", "tape")

    with pytest.raises(ImproperlyConfigured, match="expected one of files, s3"):
        env.choice("SLMGEN_X", "files", "s3")


def test_a_value_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from the file\n", encoding="utf-8")
    monkeypatch.setenv("SLMGEN_X_FILE", str(tmp_path / "secret"))

    assert env.text("SLMGEN_X") == "from the file"


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    file = tmp_path / "var" / "secret_key"

    first, second = (env.secret("SLMGEN_UNSET", file) for _ in range(2))

    assert first == second
    assert len(first) >= checks.MIN_SECRET_CHARACTERS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("slmgen.E001", {"SECRET_KEY": "short"}),
        ("slmgen.E002", {"DEBUG": True, "HOST": "0.0.0.0"}),  # noqa: S104  # what is refused
        ("slmgen.E004", {"SLMGEN_METRICS_TOKEN": "short"}),
        ("slmgen.W001", {"ALLOWED_HOSTS": ["*"]}),
        (
            "slmgen.E003",
            {"SLMGEN_STORAGE": "s3", "S3_BUCKET": ""},
        ),
    ],
)
def test_unsafe_settings_are_named(settings, code, values):
    for name, value in values.items():
        setattr(settings, name, value)

    found = {message.id for message in run_checks() if message.id.startswith("slmgen.")}

    assert found == {code}


def test_production_settings_pass_django_s_own_checks(tmp_path):
    environment = {
        **os.environ,
        "SLMGEN_HTTPS": "true",
        "SLMGEN_ALLOWED_HOSTS": "slmgen.example.org",
        "SLMGEN_VAR": str(tmp_path),
    }

    assert_fit_for_production(environment)


def assert_fit_for_production(environment):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=REPO, env=environment, capture_output=True, text=True,
        timeout=GUARD_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_behind_https_cookies_are_bound_to_the_host(tmp_path):
    environment = {
        **os.environ, "SLMGEN_HTTPS": "true", "SLMGEN_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "slmgen.settings",
    }  # fmt: skip
    code = (
        "import django; django.setup(); from django.test import Client; "
        "print(Client().get('/app/', secure=True, HTTP_HOST='localhost').cookies)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, env=environment,
        capture_output=True, text=True, timeout=GUARD_SECONDS,
    )  # fmt: skip

    assert "__Host-csrftoken=" in done.stdout, done.stderr
    assert "Path=/" in done.stdout
    assert "Secure" in done.stdout
    assert "Domain" not in done.stdout


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({}, "max-age=31536000"),
        ({"SLMGEN_HSTS": "subdomains"}, "max-age=31536000; includeSubDomains"),
        ({"SLMGEN_HSTS": "preload"}, "max-age=31536000; includeSubDomains; preload"),
    ],
    ids=["host", "subdomains", "preload"],
)
def test_https_is_demanded_of_no_other_host_unless_told_so(tmp_path, variables, header):
    environment = {
        **os.environ, "SLMGEN_HTTPS": "true", "SLMGEN_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "slmgen.settings", **variables,
    }  # fmt: skip
    code = (
        "import django; django.setup(); from django.test import Client; "
        "answer = Client().get('/health', secure=True, HTTP_HOST='localhost'); "
        "print(answer['Strict-Transport-Security'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, env=environment,
        capture_output=True, text=True, timeout=GUARD_SECONDS,
    )  # fmt: skip

    assert done.stdout.strip() == header, done.stderr
    assert_fit_for_production(environment)
