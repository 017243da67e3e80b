"""A real worker of Celery, over a real Redis."""

import shutil

import httpx
import pytest

from tests.conftest import GUARD_SECONDS, started, until
from tests.factories import make_lines
from tests.with_services import redis_server


@pytest.mark.skipif(not shutil.which("redis-server"), reason="Redis is not installed")
def test_work_of_celery_reads_data_in_processes_of_its_own(tmp_path):
    """Celery's processes are daemons to Python, which may start none."""
    (tmp_path / "redis").mkdir()
    with (
        redis_server(tmp_path / "redis") as redis,
        started(
            tmp_path / "var",
            SLMGEN_TASKS="celery",
            SLMGEN_INLINE_ANALYSIS_MB="0",
            **redis,
        ) as (port, _),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=GUARD_SECONDS
        ) as client,
    ):
        sent = {"file": ("chat.jsonl", make_lines(2_000))}
        session = client.post("/upload", files=sent).json()["session_id"]

        until(lambda: client.get(f"/analyze/{session}").status_code != 202)
        until(lambda: client.get(f"/datasets/{session}/insights").status_code != 202)

        assert client.get(f"/analyze/{session}").json()["total_examples"] == 2_000
        assert client.get(f"/datasets/{session}/insights").status_code == 200
