"""A drift along structured directions against one along a dense orthonormal block.

    python benchmarks/structured.py --out results/reference/benchmarks/structured.md

d directions at once, transport included: matrix products with an orthogonal matrix, against three
rounds of random signs and a Hartley transform, O(d log d) a point instead of O(d²).
"""

import time

import numpy as np
import pandas as pd
import torch

from report import conditions, parser, write
from swflow import random_directions
from swflow.settings.slicing import StructuredSettings
from swflow.sliced.directions.dense import as_directions
from swflow.sliced.directions.structured import structured
from swflow.sliced.drift import drift
from swflow.sliced.plans.exact import Exact

SIZES = [(20_000, 256), (20_000, 784), (8_000, 2048), (8_000, 3072)]


def main() -> None:
    arguments = parser(__doc__, repeats=7).parse_args()
    rows = []
    for n, dim in SIZES:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(n, dim, generator=generator)
        y = 1 + 2 * torch.randn(n, dim, generator=generator)

        def product(x: torch.Tensor = x, y: torch.Tensor = y) -> object:
            dense = as_directions(random_directions(x.shape[1], x.shape[1]))
            return drift(x, y, dense, x[:0], plan=Exact())

        def transforms(x: torch.Tensor = x, y: torch.Tensor = y) -> object:
            dim = x.shape[1]
            fast = structured(StructuredSettings(), dim, (dim,), torch.Generator(), x.dtype)
            return drift(x, y, fast, x[:0], plan=Exact())

        spent: dict[str, list[float]] = {"dense": [], "structured": []}
        for _ in range(arguments.repeats + 1):
            for name, action in zip(spent, (product, transforms), strict=True):
                began = time.perf_counter()
                action()
                spent[name].append(time.perf_counter() - began)
        medians = {name: float(np.median(values[1:])) for name, values in spent.items()}
        ratio = medians["dense"] / medians["structured"]
        shown = {f"{name}, ms": f"{value * 1e3:.1f}" for name, value in medians.items()}
        rows.append({"N, d": f"{n:,}, {dim}", **shown, "gain": f"{ratio:.2f} ×"})
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    write(
        arguments.out,
        "# Structured directions on the CPU",
        table,
        f"Medians of {arguments.repeats} rounds in turn, drawing the directions included. "
        f"{conditions()}",
    )


if __name__ == "__main__":
    main()
