"""How far the map that a flow between Gaussians ends in is from the optimal one.

    python benchmarks/limit_map.py --out results/reference/benchmarks/limit-map.md

No particles: the drift between Gaussians is linear, and its map solves an ODE (`gaussian_map`).
In the plane the mean over directions is a quadrature of even angles, in more dimensions one of
fixed orthonormal blocks, whose error the rows with a commuting source show.
"""

import numpy as np
import pandas as pd

from report import conditions, parser, write
from swflow.flow.closed_form import gaussian_map
from swflow.flow.optimal_maps import optimal_matrix

HORIZON = 40.0
# Dimension, and the largest over the smallest eigenvalue of both covariances.
SIZES = [(2, 4.0), (2, 16.0), (2, 100.0), (8, 4.0), (8, 16.0)]
SOURCES = ("isotropic", "commuting", "turned by 20°", "turned by 45°")


def turned(dim: int, degrees: float) -> np.ndarray:
    """A rotation by an angle in the planes of neighbouring axes."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.kron(np.eye(dim // 2), np.array([[c, -s], [s, c]]))


def covariances(dim: int, condition: float, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Of source and target; the target's axes are those of the coordinates."""
    values = np.geomspace(1.0, condition, dim)
    values = np.ravel([values[::-1], values], order="F")[:dim]  # neighbours: large, small
    target = np.diag(values)
    if source == "isotropic":
        return np.eye(dim), target
    if source == "commuting":
        return np.diag(np.sqrt(values)), target
    rotation = turned(dim, float(source.split()[-1].rstrip("°")))
    return rotation @ target @ rotation.T, target


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = []
    for source in SOURCES:
        for dim, condition in SIZES:
            before, after = covariances(dim, condition, source)
            found, best = gaussian_map(before, after, HORIZON), optimal_matrix(before, after)
            spread = np.trace(after)
            off, end = found - best, found @ before @ found.T - after
            rows.append(
                {
                    "source": source,
                    "d": dim,
                    "largest over smallest variance": f"{condition:g}",
                    "unexplained variance of the map, %": _shown(
                        100 * np.trace(off @ before @ off.T) / spread
                    ),
                    "asymmetry of the map": _shown(_relative(found - found.T, found)),
                    "error of the law, %": _shown(100 * _relative(end, after)),
                }
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    note = (
        f"To τ = {HORIZON:g}. Unexplained variance: 100·E|X − T(x₀)|²/Var of the target, T the "
        "optimal map. Asymmetry: |A − Aᵀ|/|A|; optimal maps have none. Error of the law: of the "
        "covariance, relative."
    )
    write(arguments.out, "# Where flows between Gaussians end", table, note, conditions())


def _relative(error: np.ndarray, matrix: np.ndarray) -> float:
    return float(np.linalg.norm(error) / np.linalg.norm(matrix))


def _shown(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else "< .0001"


if __name__ == "__main__":
    main()
