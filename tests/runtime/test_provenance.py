"""What a product was made with."""

import subprocess
import sys

import numpy as np

GIB = 2**30


def test_memory_is_that_of_the_process_and_not_of_what_started_it() -> None:
    """`getrusage` begins with the memory of the parent, which a study's numbers are not."""
    large = np.ones(GIB, np.uint8)
    code = "from swflow.runtime.provenance import peak_memory; print(peak_memory())"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert large[-1] == 1
    assert 2**22 < int(said.stdout) < GIB / 2


def test_memory_counts_what_was_given_back() -> None:
    code = (
        "import numpy as np; from swflow.runtime.provenance import peak_memory; "
        f"rows = np.ones({GIB // 2}, np.uint8); del rows; print(peak_memory())"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(said.stdout) > GIB / 2
