"""Being told to stop: SIGTERM, which clusters send some seconds before they kill."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

# What a shell reports of a process that SIGTERM ended.
EXIT_CODE = 128 + signal.SIGTERM


class TerminatedError(BaseException):
    """A stage was told to stop, and what it had done was kept as far as it can be.

    No fault of what is read or computed: what handles every `Exception` of a library lets it pass.
    """


@contextmanager
def noted_termination() -> Iterator[Callable[[], bool]]:
    """Note SIGTERM instead of ending at once; yields a function that says whether it came.

    For loops that write a checkpoint first, then raise TerminatedError. Outside the main thread,
    where Python handles no signals, nothing changes.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: came.set())
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


def end_on_termination() -> None:
    """From now on SIGTERM raises TerminatedError, so that nothing half-written is left behind."""

    def end(*_: object) -> NoReturn:
        raise TerminatedError("nothing was kept of this stage, rerun it")

    signal.signal(signal.SIGTERM, end)
