"""Points in files: read from and written to .npy and .h5, or looked at as .png."""

from pathlib import Path

import h5py
import numpy as np

from swflow.representation.affine import Affine
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path

ENDINGS = (".npy", ".h5", ".png")


def check_ending(out: Path) -> None:
    """Refuse a file that cannot be written, before any work. Raises InputError."""
    if out.suffix not in ENDINGS:
        raise InputError(f"{out}: the ending must be one of {', '.join(ENDINGS)}.")


def read_points(path: Path, dim: int) -> np.ndarray:
    """Points `(n, dim)`, float32, of a .npy file or of the array `x` of an .h5 file.

    Raises InputError where the file, the shape or a value is not usable.
    """
    try:
        if path.suffix == ".h5":
            with h5py.File(path) as file:
                rows = file["x"][:]
        else:
            rows = np.load(path, allow_pickle=False)
        points = np.asarray(rows, dtype=np.float32)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: no points could be read ({error}); give a .npy file, or an .h5 file with "
            "an array x."
        ) from error
    if points.ndim < 2 or not len(points) or points[0].size != dim:
        raise InputError(f"{path}: shape {points.shape}, needed are points (n, {dim}).")
    if not np.isfinite(points).all():
        raise InputError(f"{path}: some values are NaN or infinite; remove those points.")
    return points.reshape(len(points), dim)


def write_points(x: np.ndarray, units: Affine, out: Path, *, to_data: bool) -> None:
    """Write points `(n, d)`, given in model units, by the ending of `out`.

    .npy and .h5 (array x; attributes shift and scale, which lead to data units): in data units as
    `(n, *event_shape)` with to_data, else in model units. .png: always in data units.
    """
    check_ending(out)
    data = units.decode(x)
    if out.suffix == ".png":
        from swflow.report.pictures.grid import grid
        from swflow.stages.figures import save_figure

        save_figure(grid(units, data), out)
        return
    shown = data if to_data else x
    with atomic_path(out) as partial:
        if out.suffix == ".h5":
            with h5py.File(partial, "w") as file:
                file["x"] = shown
                shift, scale = units.shift, units.scale
                file.attrs.update({"data_units": to_data, "shift": shift, "scale": scale})
        else:
            with partial.open("wb") as file:
                np.save(file, shown)
