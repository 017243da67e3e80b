from argparse import ArgumentParser

from datasets.storage.files import ORPHAN_AGE


def add_older_than(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--older-than",
        type=float,
        default=ORPHAN_AGE.total_seconds() / 60,
        metavar="MINUTES",
        help="Leave out younger files: they may be in use (default %(default)g).",
    )
