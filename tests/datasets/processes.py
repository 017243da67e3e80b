"""Work that other processes import."""

import os
import threading
import time

from datasets.core.processes.parallel import run_parallel


def pid(item):
    return os.getpid()


def slow_worker(item):
    time.sleep(0.005)  # so that each of the others has begun
    return os.getpid(), threading.get_ident()


def pid_and_text(item):
    return os.getpid(), item.text


def over_two(items):
    return [answer for _, answer in run_parallel(abs, items, 2)]
