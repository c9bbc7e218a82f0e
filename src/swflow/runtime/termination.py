"""Being told to stop: SIGTERM, which clusters send some seconds before they kill, or Ctrl-C."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_last = [signal.SIGTERM]


class TerminatedError(BaseException):
    """A stage was told to stop, and what it had done was kept as far as it can be.

    No fault of what is read or computed: what handles every `Exception` of a library lets it pass.
    """


def remember(number: int) -> None:
    """By which signal this process was told to stop."""
    _last[0] = signal.Signals(number)


def stopped_by() -> signal.Signals:
    """The signal by which this process was told to stop; a shell reports it as 128 more."""
    return _last[0]


@contextmanager
def noted_termination() -> Iterator[Callable[[], bool]]:
    """Note the signal instead of ending at once; yields a function that says whether it came.

    For loops that write a checkpoint first, then raise TerminatedError. Outside the main thread,
    where Python handles no signals, nothing changes.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return

    def note(number: int, _: object) -> None:
        remember(number)
        came.set()

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_on_termination() -> None:
    """From now on these signals raise TerminatedError: nothing half-written is left behind."""

    def end(number: int, _: object) -> NoReturn:
        remember(number)
        raise TerminatedError("nothing was kept of this stage, rerun it")

    for number in SIGNALS:
        signal.signal(number, end)
