"""Progress with the time left: a bar on a terminal, a line now and then in a log file."""

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LOG_LINES = 10.0


class _Lines:
    """Turns tqdm's carriage returns into lines, so that a log file can be read."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if line := text.strip("\r\n "):
            self.stream.write(line + "\n")

    def flush(self) -> None:
        self.stream.flush()


def progress(
    title: str,
    items: Iterable[Any] | None = None,
    total: int | None = None,
    initial: int = 0,
) -> "tqdm[Any]":
    """A tqdm bar on standard error, over `items` or counted by `update()` from `initial`."""
    if sys.stderr.isatty():
        return tqdm(items, desc=title, total=total, initial=initial)
    return tqdm(
        items,
        desc=title,
        total=total,
        initial=initial,
        file=_Lines(sys.stderr),
        mininterval=SECONDS_BETWEEN_LOG_LINES,
        maxinterval=SECONDS_BETWEEN_LOG_LINES,
        bar_format="{desc}: {n_fmt}/{total_fmt} in {elapsed}, {remaining} left{postfix}",
    )
