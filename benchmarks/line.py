"""When a flow that begins on a line leaves it: by chance, and by each kind of regularisation.

    python benchmarks/line.py --out results/reference/benchmarks/line.md

On a line the flow to N(0, I) in the plane has a critical point that is no minimum: by symmetry it
stays there, with the deviation 4/π along it, at SW² = 1 − 8/π² (Vauthier, Mérigot & Korba 2025
show that such points are not stable). What breaks the symmetry: each step has few directions.
"""

import math

import numpy as np
import pandas as pd
import torch

from report import conditions, parser, write
from swflow.flow.integrator import simulate
from swflow.report.tables.common import mean_std, readable
from swflow.settings import FlowSettings
from swflow.sliced.distances import sliced_wasserstein


def _entropy(strength: float) -> dict[str, object]:
    return {"kind": "sliced_entropy", "strength": strength}


STUCK = 1 - 8 / math.pi**2
KINDS = {
    ("none", "32 directions"): {},
    ("none", "512 directions"): {"n_directions": 512},
    ("entropy", "ε = .0001"): {"entropy": 0.0001},
    ("entropy", "ε = .01"): {"entropy": 0.01},
    ("sliced entropy", "ε = .0001"): {"regularisers": [_entropy(0.0001)]},
    ("sliced entropy", "ε = .01"): {"regularisers": [_entropy(0.01)]},
    ("smoothed target", "w = .1"): {"regularisers": [{"kind": "smoothing", "width": 0.1}]},
    ("smoothed target", "w = .3"): {"regularisers": [{"kind": "smoothing", "width": 0.3}]},
    ("entropic plans", "γ = .03"): {"transport": "entropic", "temperature": 0.03},
    ("entropic plans", "γ = .3"): {"transport": "entropic", "temperature": 0.3},
    ("debiased", "γ = .03"): {"transport": "entropic", "temperature": 0.03, "debiased": True},
    ("debiased", "γ = .3"): {"transport": "entropic", "temperature": 0.3, "debiased": True},
    ("partial", "mass .95"): {"transport": "partial", "mass": 0.95},
    ("unbalanced", "ρ = 2"): {"transport": "unbalanced", "price": 2},
    ("fresh subsets", "1,000 rows"): {"target_batch": 1000},
    ("fresh subsets", "100 rows"): {"target_batch": 100},
}
SHARED = {
    "horizon": 30,
    "n_times": 80,
    "n_directions": 32,
    "step": {"initial": 0.05, "growth": 0.05, "max": 0.5},
}


def path(settings: FlowSettings, seed: int, n: int = 2000) -> pd.DataFrame:
    """SW² of a flow from a line to a target symmetric about it, and its deviation off the line."""
    generator = torch.Generator().manual_seed(seed)
    half = torch.randn(n, 2, generator=generator)
    target = torch.cat([half, half * torch.tensor([1.0, -1.0])])
    source = torch.zeros(n, 2)
    source[:, 0] = torch.randn(n, generator=generator)
    angles = torch.pi * (torch.arange(180) + 0.5) / 180
    thetas = torch.stack([angles.cos(), angles.sin()], dim=1)
    rows = []
    for snapshot in simulate(source, target, settings, generator=generator):
        x = snapshot.particles
        squared = float(sliced_wasserstein(x, target, thetas)) ** 2
        rows.append({"time": snapshot.time, "squared": squared, "off": float(x[:, 1].std())})
    return pd.DataFrame(rows)


def left(path: pd.DataFrame) -> float:
    """The first time at which SW² is at most half of what it is on the line; NaN if never."""
    below = np.flatnonzero(path["squared"] <= STUCK / 2)
    return float(path["time"].iloc[below[0]]) if len(below) else math.nan


def main() -> None:
    arguments = parser(__doc__, seeds=3).parse_args()
    rows = []
    for (kind, strength), chosen in KINDS.items():
        settings = FlowSettings(**(SHARED | chosen))
        paths = [path(settings, seed) for seed in range(arguments.seeds)]
        ends = pd.DataFrame([found.iloc[-1] for found in paths])
        row = {"kind": kind, "strength": strength}
        row |= mean_std("left at tau", pd.Series([left(found) for found in paths]))
        row |= mean_std("SW at the end", np.sqrt(ends["squared"]))
        rows.append(row | mean_std("deviation off the line at the end", ends["off"]))
        print(rows[-1], flush=True)
    table = readable(pd.DataFrame(rows)).to_markdown(index=False, disable_numparse=True)
    note = (
        f"SW² on the line: {STUCK:.4f}, SW {math.sqrt(STUCK):.3f}; left: SW² at most half of it. "
        f"2,000 particles, 4,000 rows, to τ = {SHARED['horizon']}, {arguments.seeds} seeds."
    )
    write(arguments.out, "# When a flow that begins on a line leaves it", table, note, conditions())


if __name__ == "__main__":
    main()
