"""Work that other processes import."""

import os

from datasets.core.spread import spread


def pid(item):
    return os.getpid()


def pid_and_text(item):
    return os.getpid(), item.text


def over_two(items):
    return [answer for _, answer in spread(abs, items, 2)]
