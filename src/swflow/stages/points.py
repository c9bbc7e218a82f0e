"""Points in files: read from and written to .npy and .h5, or looked at as .png."""

from pathlib import Path

import h5py
import numpy as np

from swflow.representation.affine import Affine
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.runtime.hdf5 import open_hdf5

ENDINGS = (".npy", ".h5", ".png")


def check_ending(out: Path) -> None:
    """Refuse a file that cannot be written, before any work. Raises InputError."""
    if out.suffix not in ENDINGS:
        raise InputError(f"{out}: the ending must be one of {', '.join(ENDINGS)}.")


def read_points(path: Path, dim: int) -> np.ndarray:
    """Points `(n, dim)`, float32, of a .npy file or of the array `x` of an .h5 file.

    Raises InputError where the file, the shape or a value is not usable.
    """
    points = read_rows(path)
    if points.ndim < 2 or not len(points) or points[0].size != dim:
        raise InputError(f"{path}: shape {points.shape}, needed are points (n, {dim}).")
    if not np.isfinite(points).all():
        raise InputError(f"{path}: some values are NaN or infinite; remove those points.")
    return points.reshape(len(points), dim)


def read_rows(path: Path) -> np.ndarray:
    """Rows of a .npy file or of the array `x` of an .h5 file, float32, whatever their shape.

    Raises InputError where the file cannot be read.
    """
    try:
        if path.suffix == ".h5":
            with open_hdf5(path) as file:
                rows = file["x"][:]
        else:
            with path.open("rb") as file:  # np.load leaves some files open that it cannot read
                rows = np.load(file, allow_pickle=False)
        if rows.dtype.kind not in "fiu":
            raise TypeError(f"values of type {rows.dtype}")
        return np.asarray(rows, dtype=np.float32)
    except Exception as error:  # readers of strangers' bytes raise unrelated types
        raise InputError(
            f"{path}: no points could be read ({error}); give a .npy file, or an .h5 file with "
            "an array x."
        ) from error


def write_points(x: np.ndarray, units: Affine, out: Path, *, to_data: bool) -> None:
    """Write points `(n, d)`, given in model units, by the ending of `out`.

    .npy and .h5 (array x; attributes shift and scale, which lead to data units): in data units as
    `(n, *event_shape)` with to_data, else in model units. .png: always in data units.
    """
    data = units.decode(x)
    _write(data if to_data or out.suffix == ".png" else x, units, out, data_units=to_data)


def write_data(data: np.ndarray, units: Affine, out: Path) -> None:
    """Write points `(n, *event_shape)` given in data units: see `write_points`."""
    _write(data, units, out, data_units=True)


def _write(shown: np.ndarray, units: Affine, out: Path, *, data_units: bool) -> None:
    check_ending(out)
    if out.suffix == ".png":
        from swflow.report.pictures.grid import grid
        from swflow.stages.figures import save_figure

        save_figure(grid(units, shown), out)
        return
    with atomic_path(out) as partial:
        if out.suffix == ".h5":
            with h5py.File(partial, "w") as file:
                file["x"] = shown
                shift, scale = units.shift, units.scale
                file.attrs.update({"data_units": data_units, "shift": shift, "scale": scale})
        else:
            with partial.open("wb") as file:
                np.save(file, shown)
