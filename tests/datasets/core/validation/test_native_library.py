"""Code is built where there is a compiler, and only that of these sources is loaded."""

import os
import shutil
import subprocess
import sys

import pytest

from datasets.core.validation import native_library as module
from datasets.core.validation.native_library import built_library, path_for_sources


def is_expected():
    """Whether native code is there, or should be."""
    return shutil.which("cargo") is not None or built_library() is not None


@pytest.mark.skipif(not is_expected(), reason="there is no Rust compiler")
def test_it_is_built_where_there_is_a_compiler():
    assert path_for_sources().exists(), "make native builds it"


@pytest.fixture
def crate(tmp_path, monkeypatch):
    """Sources, and the library of them."""
    crate = tmp_path / "native"
    shutil.copytree(
        module.CRATE, crate, ignore=shutil.ignore_patterns("target*", "*.so")
    )
    monkeypatch.setattr(module, "CRATE", crate)
    library = path_for_sources()
    library.touch()
    os.utime(library, (module.changed_at(), module.changed_at()))
    return crate


def test_a_library_of_these_sources_is_found_without_reading_them(crate, monkeypatch):
    library = path_for_sources()
    monkeypatch.setattr(module, "path_for_sources", lambda: 1 / 0)

    assert built_library() == library


def test_it_is_found_by_its_name_when_the_clock_tells_nothing(crate):
    library = path_for_sources()
    os.utime(crate / "src" / "lib.rs")
    os.utime(library, (5, 5))

    assert built_library() == library


@pytest.mark.parametrize("seconds", [-1000, 1000])  # unpacked sources may be older
def test_a_library_of_other_sources_is_not(crate, seconds):
    changed = crate / "src" / "lib.rs"
    changed.write_bytes(changed.read_bytes() + b"\n")
    for source in module.sources():
        os.utime(source, (module.changed_at() + seconds,) * 2)

    assert built_library() is None


def test_without_the_crate_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CRATE", tmp_path / "native")

    assert built_library() is None


def test_without_a_compiler_nothing_is_built_and_that_is_said(crate):
    path_for_sources().unlink()
    core = crate.parent / "datasets" / "core" / "validation"
    core.mkdir(parents=True)
    shutil.copy(module.__file__, core)
    done = subprocess.run(
        [sys.executable, crate / "build.py"], env={"PATH": str(crate)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "No Rust compiler" in done.stdout
    assert list(crate.glob("*.so")) == []
