"""Work that other processes import."""

import os


def pid(item):
    return os.getpid()
