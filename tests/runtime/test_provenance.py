"""What a product was made with."""

import subprocess
import sys

import numpy as np

from swflow.runtime.provenance import memory_since, peak_memory

GIB = 2**30


def peak_of(code: str) -> int:
    """What a process that runs some code says of itself."""
    code = f"from swflow.runtime.provenance import peak_memory; {code}; print(peak_memory())"
    command = [sys.executable, "-c", code]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_memory_is_that_of_the_process_and_not_of_what_started_it() -> None:
    """`getrusage` begins with the memory of the parent, which a study's numbers are not."""
    large = np.ones(GIB, np.uint8)
    assert 2**22 < peak_of("pass") < GIB / 2
    assert large[-1] == 1


def test_memory_counts_what_was_given_back() -> None:
    code = f"import numpy as np; rows = np.ones({GIB // 2}, np.uint8); del rows"
    assert peak_of(code) > GIB / 2


def test_memory_since_a_former_peak_is_never_below_nothing() -> None:
    """The kernel counts pages in batches, by which a later peak may be read as the smaller."""
    peak = peak_memory()
    assert memory_since(peak - GIB) >= 0.99 * GIB
    assert memory_since(peak + GIB) == 0
