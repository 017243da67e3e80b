"""Work that other processes import."""

import os

from datasets.core.spread import spread


def pid(item):
    return os.getpid()


def over_two(items):
    return [answer for _, answer in spread(abs, items, 2)]
