"""What reads the data of strangers has a process of its own, and limits."""

import errno
import gzip
import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from datasets.core.processes import bounded
from datasets.core.processes.bounded import Budget, Failed, run
from datasets.work import limits as bounds
from datasets.work.limits import budget_for, run_bounded
from slmgen.errors import InvalidInput, TooLarge, Unavailable
from tests.conftest import REPO, until

AMPLE = Budget(cpu_seconds=60, memory_bytes=10**9)


def sums(first, second):
    return first + second, os.getpid()


def told(count, report):
    for done in range(count):
        time.sleep(bounded.SECONDS_BETWEEN_REPORTS)
        report(done)


def limits():
    limits = resource.getrlimit
    return limits(resource.RLIMIT_CPU)[0], limits(resource.RLIMIT_AS)[0], os.nice(0)


def limits_on(source):
    return limits()


def copied(source, target):
    target.write(source.read())
    return target.tell()


def takes_memory():
    return len(bytearray(10**10))


def takes_time():
    while True:
        sum(range(10**6))


def takes_time_in_one_call():
    return pow(3, 10**9)


def ends(number):
    os.kill(os.getpid(), number)
    time.sleep(600)


def refuses():
    raise TooLarge("It is too large.")


def breaks(content):
    raise KeyError(content)


def has_no_space():
    raise OSError(errno.ENOSPC, "full", "/a/path/of/the/server")


def waits(report):
    while True:
        time.sleep(bounded.SECONDS_BETWEEN_REPORTS)
        report(os.getpid())


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_the_answer_comes_from_another_process():
    answer, pid = run(sums, 1, 2, budget=AMPLE)

    assert answer == 3
    assert pid != os.getpid()
    until(lambda: not is_alive(pid))


def test_progress_is_told():
    seen = []

    run(told, 3, budget=AMPLE, report=seen.append)

    assert seen == [0, 1, 2]


def test_the_process_is_limited_and_gives_way_to_others():
    cpu_seconds, address_space, niceness = run(limits, budget=AMPLE)

    assert cpu_seconds == AMPLE.cpu_seconds
    assert AMPLE.memory_bytes < address_space < AMPLE.memory_bytes + 4 * 10**9
    assert niceness == min(os.nice(0) + bounded.NICENESS, 19)


def test_files_are_shared_from_their_start_and_left_at_it():
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(b"0123456789" * 10_000)
        source.seek(5)
        source.read(3)  # what is read ahead must not be read again

        size = run(copied, source, target, budget=AMPLE)

        assert size == 100_000
        assert target.tell() == source.tell() == 0
        assert target.read() == source.read() == b"0123456789" * 10_000


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (takes_memory, "The data takes more than 500 MB of memory to read; split the"),
        (takes_time, "The data takes more than 1 seconds to compute, the most"),
        (takes_time_in_one_call, "The data takes more than 1 seconds to compute"),
    ],
)
def test_what_takes_too_much_is_refused_in_a_sentence(work, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        run(work, budget=Budget(cpu_seconds=1, memory_bytes=500 * 10**6))


@pytest.mark.parametrize("number", sorted(bounded.CRASHES))
def test_native_code_that_crashes_ends_its_process_alone(number):
    with pytest.raises(InvalidInput, match="cannot be read"):
        run(ends, number, budget=AMPLE)


def test_a_process_that_the_system_killed_is_no_fault_of_the_data():
    with pytest.raises(Unavailable, match="short of memory; try again in 5 seconds"):
        run(ends, signal.SIGKILL, budget=AMPLE)


def test_a_refusal_is_passed_on():
    with pytest.raises(TooLarge, match=r"^It is too large\.$"):
        run(refuses, budget=AMPLE)


def test_what_breaks_tells_where_and_not_what_the_data_say():
    with pytest.raises(Failed) as raised:
        run(breaks, "a secret of the data", budget=AMPLE)

    assert "KeyError" in str(raised.value)
    assert "in breaks" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_full_disk_is_one_here_too():
    with pytest.raises(OSError, match="No space left on device") as raised:
        run(has_no_space, budget=AMPLE)

    assert raised.value.errno == errno.ENOSPC


def test_whoever_asked_and_stops_waiting_ends_the_process():
    pids = []

    def stop(pid):
        pids.append(pid)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run(waits, budget=AMPLE, report=stop)

    assert not is_alive(pids[0])


def test_the_process_ends_with_a_server_that_is_killed():
    program = (
        "from datasets.core.processes.bounded import Budget, run\n"
        "from tests.datasets.core.processes.test_bounded import AMPLE, waits\n"
        "if __name__ == '__main__':\n"
        "    run(waits, budget=AMPLE, report=lambda pid: print(pid, flush=True))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment
    ) as server:
        pid = int(server.stdout.readline())
        server.kill()

    until(lambda: not is_alive(pid))


def test_a_temporary_folder_may_lie_deep(tmp_path):
    deep = tmp_path / ("deep" * 25) / ("deeper" * 20)
    deep.mkdir(parents=True)
    program = (
        "from datasets.core.processes.bounded import run\n"
        "from tests.datasets.core.processes.test_bounded import AMPLE, sums\n"
        "if __name__ == '__main__':\n"
        "    print(run(sums, 1, 2, budget=AMPLE)[0])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPO), "TMPDIR": str(deep)}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("3\n", "")
    assert list(deep.iterdir()) == []


# Which data have a process of their own


def where(source):
    return os.getpid()


@pytest.mark.parametrize(
    ("content", "size", "is_here"),
    [
        (b"{}", bounds.SMALL_BYTES, True),
        (b"{}", bounds.SMALL_BYTES + 1, False),
        (b"PAR1", 4, False),
        (gzip.compress(b"{}", mtime=0), 30, False),
    ],
    ids=["little", "more", "Parquet", "gzip"],
)
@pytest.mark.django_db
def test_little_is_done_here_unless_it_is_packed(content, size, is_here):
    pid = run_bounded(where, io.BytesIO(content), size=size)

    assert (pid == os.getpid()) == is_here


def test_the_budget_grows_with_the_data():
    assert budget_for(0).cpu_seconds == bounds.BASE_SECONDS
    assert budget_for(10**9).cpu_seconds == bounds.BASE_SECONDS + 4_000
    assert budget_for(0).memory_bytes == 2_000 * 10**6


@pytest.mark.django_db
def test_what_is_packed_has_no_more_time_than_the_largest_upload(settings):
    settings.SLMGEN_MAX_UPLOAD_BYTES = 10**7
    seconds, _, _ = run_bounded(limits_on, io.BytesIO(b"PAR1"), size=10**7)

    assert seconds == budget_for(10**7).cpu_seconds
