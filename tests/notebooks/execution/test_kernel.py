"""Notebooks in a real Jupyter kernel, every cell of them, the install cell too."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import nbformat
import pytest

from tests.notebooks.execution.conftest import (
    BACKENDS,
    NEW_TOKENS,
    TOY,
    Tiny,
    call,
    make_notebook,
    on_both,
)

pytestmark = pytest.mark.execution

WITH_DATA, WITHOUT_DATA = "qwen3-0.6b", "gemma-3-270m"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server that has the data at /data."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "data").write_bytes(TOY)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def executed(models, llama_cpp, address, tmp_path_factory):
    facts = {WITH_DATA: {}, WITHOUT_DATA: {"data_url": f"{address}/data"}}

    def run(backend):
        folder = tmp_path_factory.mktemp(f"kernel-{backend}")
        shutil.copytree(llama_cpp, folder / "llama.cpp")
        found = {}
        for slug, more in facts.items():
            (model,) = models.paths([Tiny(slug, backend)])
            path = folder / f"{slug}.ipynb"
            path.write_bytes(make_notebook(slug, backend, **more))
            parameters = (
                f"MODEL_ID = {str(model)!r}\nMAX_NEW_TOKENS = {NEW_TOKENS}\n"
                f"OUTPUT_DIR = {slug!r}\nGGUF = {'q8_0' if not more else ''!r}"
            )
            call(backend, "run_kernel.py", path, parameters)
            found[slug] = nbformat.read(path.with_suffix(".out.ipynb"), as_version=4)
        return found

    return on_both(run)


def said(cell) -> str:
    return "".join(output.get("text", "") for output in cell.get("outputs", ()))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("slug", [WITH_DATA, WITHOUT_DATA])
def test_all_cells_run_from_top_to_bottom(executed, slug, backend):
    code = [c for c in executed[backend][slug].cells if c.cell_type == "code"]
    text = "\n".join(map(said, code))

    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert "Installed: torch" in said(code[0])
    assert "72 conversations" in text
    assert "3 of 3 answers are the same after reloading." in text
    pictures = [
        o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})
    ]
    assert len(pictures) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gguf_file_is_made_in_the_kernel_too(executed, backend):
    text = "\n".join(map(said, executed[backend][WITH_DATA].cells))

    assert "qwen3-0.6b/model-q8_0.gguf" in text
    assert "Modelfile: 3 of 3 prompts without tools are written as in training." in text
