"""What the documents say is tried: the walk-through runs, links lead somewhere."""

import re
import subprocess
import sys
import urllib.request
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from pkgutil import resolve_name

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from datasets.core.fixes.operations import REPAIR_KINDS
from notebooks.core.planning.settings import OPTIONS
from slmgen.site.api_urls import urlpatterns
from tests.conftest import REPO
from tests.slmgen.test_settings import variables_in_settings
from tests.sources import own, real

README = (REPO / "README.md").read_text(encoding="utf-8")


def walk(server, folder, replacements=()):
    port, environment = server
    script = "set -eu\n" + "\n".join(
        re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    )
    script = script.replace("localhost:8000", f"localhost:{port}")
    script = script.replace(".venv/bin/python manage.py", f"{sys.executable} manage.py")
    script = script.replace("manage.py", str(REPO / "manage.py"))
    for old, new in replacements:
        assert old in script
        script = script.replace(old, new)
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_the_readme_s_walk_through_works(server, tmp_path):
    done = walk(server, tmp_path)

    assert done.returncode == 0, done.stderr
    assert '"total_examples":60' in done.stdout
    assert '"model_name":"Qwen3 0.6B"' in done.stdout
    assert '"dataset_filename":"chat.jsonl"' in done.stdout
    assert (tmp_path / "finetune.ipynb").read_text(encoding="utf-8").startswith("{")


@pytest.mark.parametrize(
    "source",
    [
        own("word_problems.chat.jsonl"),
        own("film_talk_zh.chat.jsonl"),
        own("tool_calls.chat.jsonl"),
        own("reading_ar.chat.jsonl"),
        real("gsm8k_1500.chat.jsonl"),
        real("kdconv_film_zh.chat.jsonl"),
        real("glaive_toolcall_en.chat.jsonl"),
        real("xquad_ar.chat.jsonl"),
    ],
)
def test_the_walk_through_works_with_whole_sets(server, tmp_path, source):
    copy = f"cp '{source.path}' chat.jsonl"
    name = source.name.partition(".")[0]
    account = f"--username {name}"

    done = walk(
        server,
        tmp_path,
        [
            (re.search(r"for n in .*?> chat.jsonl", README, re.DOTALL)[0], copy),
            ("--username me", account),
            ('"username": "me"', f'"username": "{name}"'),
        ],
    )

    assert done.returncode == 0, done.stderr
    count = source.path.read_bytes().count(b"\n")
    assert f'"total_count":{count},' in done.stdout
    assert (tmp_path / "finetune.ipynb").stat().st_size > 20_000


@pytest.mark.parametrize(
    "source", [own("word_problems.chat.jsonl"), real("gsm8k_1500.chat.jsonl")]
)
def test_a_large_upload_is_analyzed_by_the_worker(server, tmp_path, source):
    port, _ = server
    content = source.path.read_bytes() * 4
    (tmp_path / "chat.jsonl").write_bytes(content)
    script = (
        f"curl -s -F file=@chat.jsonl http://localhost:{port}/upload |"
        ' grep -o \'"session_id":"[^"]*\' | cut -d\'"\' -f4'
    )
    session = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    ).stdout.strip()

    with urllib.request.urlopen(
        f"http://localhost:{port}/analyze/{session}", timeout=60
    ) as answer:
        body = answer.read().decode()

    assert '"total_examples":6000' in body
    assert "Exact duplicates of earlier examples: 4,500 of 6,000" in body


def test_static_files_are_served(server):
    port, _ = server
    page = urllib.request.urlopen(
        f"http://localhost:{port}/docs/api/", timeout=10
    ).read()
    (script,) = re.findall(rb'src="(/static/[^"]*bundle.js)"', page)

    with urllib.request.urlopen(
        f"http://localhost:{port}{script.decode()}", timeout=10
    ) as answer:
        assert len(answer.read()) > 100_000


NOT_OF_THE_SERVER = {"SLMGEN_BACKUP_DAYS", "SLMGEN_PICTURES", "SLMGEN_REAL_DATA"}
DOCUMENTS = [*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_that_exist(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)

    missing = [
        link
        for link in links
        if not link.startswith("http") and not (document.parent / link).exists()
    ]

    assert missing == []


DECISIONS = [
    path.name
    for path in sorted((REPO / "docs/decisions").glob("*.md"))
    if path.name != "README.md"
]


def test_decisions_are_numbered_once_in_name_heading_and_index():
    numbers = [int(name[:4]) for name in DECISIONS]
    headings = [
        (REPO / "docs/decisions" / name).read_text(encoding="utf-8").splitlines()[0]
        for name in DECISIONS
    ]
    index = (REPO / "docs/decisions/README.md").read_text(encoding="utf-8")

    assert numbers == list(range(1, len(DECISIONS) + 1))
    assert re.findall(r"^\d+\. .*", index, re.MULTILINE) == [
        f"{number}. [{heading.removeprefix(f'# {number}. ')}]({name})"
        for number, heading, name in zip(numbers, headings, DECISIONS, strict=True)
    ]


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def quoted_in(document):
    """What stands between backticks, whole."""
    return re.findall(r"`([^`\n]+)`", document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_named_in_documents_exist(document):
    files = tracked_files()
    names = {Path(file).name for file in files}
    tops = {file.partition("/")[0] for file in files if "/" in file}

    named = [text for text in quoted_in(document) if re.fullmatch(r"[\w./*-]+", text)]
    missing = [
        name
        for name in named
        if (
            (name.partition("/")[0] in tops and "/" in name)
            and not any(REPO.glob(name.rstrip("/")))
        )
        or (re.fullmatch(r"[\w-]+\.(py|rs)", name) and name not in names)
    ]

    assert missing == []


# Names with dots that are no modules: a database, what spans carry, permissions.
NOT_MODULES = {
    "slmgen.sqlite3",
    "slmgen.request_id",
    "slmgen.work.kind",
    "datasets.view_dataset_content",
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tests_named_in_commands_exist(document):
    text = document.read_text(encoding="utf-8")
    named = re.findall(
        r"(?<![\w./-])(?:tests|benchmarks)/[\w/-]+(?:\.\w+)?(?!\S*<)", text
    )

    assert [name for name in named if not (REPO / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_modules_named_in_documents_exist(document):
    ours = r"(?:slmgen|datasets|recommender|notebooks|jobs|benchmarks|tests)(?:\.\w+)+"
    named = {
        name.removesuffix("()")
        for name in quoted_in(document)
        if re.fullmatch(rf"{ours}(?:\(\))?", name)
    }

    for name in named - NOT_MODULES:
        resolve_name(name)  # raises where it is not there


def test_every_setting_stands_in_the_documents_as_in_the_code():
    text = (REPO / "docs/notebook.md").read_text(encoding="utf-8")

    for option in OPTIONS:
        assert f"| `{option.name}` | {option.range} | {option.help} |" in text


def test_every_route_stands_in_the_documents():
    text = (REPO / "docs/api.md").read_text(encoding="utf-8")

    for route in urlpatterns:
        address = re.sub(r"<str:(\w+)>", r"{\1}", f"/{route.pattern}")
        address = address.replace("{filename}", "{file}.ipynb")
        assert address.replace("{job_id}", "{id}") in text


def test_every_repair_stands_in_the_documents():
    text = (REPO / "docs/repairs.md").read_text(encoding="utf-8")

    for kind, what in REPAIR_KINDS.items():
        assert f"| `{kind}` |" in text
        assert what.removesuffix(" faults") in text.replace("`", "")


def test_every_dependency_has_its_reason():
    text = (REPO / "docs/dependencies.md").read_text(encoding="utf-8")
    chosen = [
        line
        for name in ("requirements.in", "requirements-traces.in")
        for line in (REPO / name).read_text(encoding="utf-8").splitlines()
    ]
    names = [re.split(r"[\[<>=]", line)[0] for line in chosen if line[0] != "-"]

    assert [name for name in names if f"| {name} |" not in text] == []


def test_lock_files_hold_hashes_and_no_addresses():
    for path in REPO.glob("requirements*.lock"):
        text = path.read_text(encoding="utf-8")

        assert "://" not in text
        assert text.count("--hash=sha256:") > text.count("==")
    assert Path(REPO / "LICENSE").read_text(encoding="utf-8").count("Apache") > 3


def pins(lock):
    """Versions and extras by name."""
    text = (REPO / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9-]+)(\[.+\])?==(\S+)", text, re.MULTILINE)
    return {name: (version, extras) for name, extras, version in found}


def test_what_traces_need_fits_what_the_server_needs():
    pinned, more = pins("requirements.lock"), pins("requirements-traces.lock")

    assert {k: v for k, v in more.items() if pinned.get(k, v) != v} == {}


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-traces.lock", "requirements-dev.lock"]
)
def test_lock_files_pin_packages_with_the_extras_that_others_ask_for(lock):
    """A pin without them stops pip on the day when that package has a new release."""
    pinned = pins(lock)
    asked = {
        canonicalize_name(needed.name)
        for name, (_, extras) in pinned.items()
        for extra in ("", *extras.strip("[]").split(", "))
        for line in installed_requirements(name)
        if (needed := Requirement(line)).extras
        and (needed.marker is None or needed.marker.evaluate({"extra": extra}))
    }

    assert asked
    assert [name for name in asked & set(pinned) if not pinned[name][1]] == []


def installed_requirements(name):
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []  # for another system or Python


def test_documents_name_no_setting_that_does_not_exist():
    known = variables_in_settings() | NOT_OF_THE_SERVER
    named = {
        name.removesuffix("_FILE")
        for document in DOCUMENTS
        for name in re.findall(r"\bSLMGEN_[A-Z0-9_]+\b", document.read_text())
    }

    assert named - known == set()
