"""FID and KID by torch-fidelity: in the features of the published Inception network."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as Rows

from swflow.events import image_shape
from swflow.representation.affine import Affine
from swflow.representation.dataset import Dataset
from swflow.runtime.errors import InputError
from swflow.runtime.files import atomic_path
from swflow.stages.sample import scored_samples

# Of the published file, which its name ends with: it is a pickle, and only this one is opened.
WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
CHECKSUM = "6726825d"
BLOCK = 1000  # images in one estimate of KID


class _Images(Rows[Tensor]):
    """Images in data units as torch-fidelity takes them: `(3, height, width)`, 0 to 255."""

    def __init__(self, images: np.ndarray, units: Affine) -> None:
        low, high = units.value_range
        levels = np.clip((images - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
        channels, height, width = image_shape(images.shape[1:])
        if channels not in (1, 3):
            raise InputError(f"images of {channels} channels: Inception sees grey or colour alone.")
        self.x = torch.from_numpy(levels).reshape(-1, channels, height, width)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Tensor:
        return self.x[index].expand(3, -1, -1)


def inception(samples: Path, dataset: Dataset, images: Dataset, weights: Path, out: Path) -> None:
    """Write FID and KID of stored samples against real images, a record for each condition.

    dataset: what was drawn, images or their latents. As many samples as there are real images to
    compare with, after time 0; the first record is of other real images: the floor. Raises
    InputError where torch-fidelity is not installed, or the weights are not the published ones.
    """
    measure = _torch_fidelity()
    _check_weights(weights)
    real = images.units.decode(images.reference.rows())
    fresh = images.units.decode(images.fresh.rows())
    n = min(len(real), len(fresh))
    records = [{"of": "real images", **_measured(measure, fresh[:n], real[:n], images, weights)}]
    for draws in scored_samples(samples):
        made = dataset.units.decode(draws.flat[:n])
        condition = draws.condition._asdict() | {"of": samples.parent.name}
        records.append(condition | _measured(measure, made, real[:n], images, weights))
    with atomic_path(out) as partial:
        partial.write_text(json.dumps(records, indent=1) + "\n")


def _measured(
    measure: Any, made: np.ndarray, real: np.ndarray, images: Dataset, weights: Path
) -> dict[str, float]:
    found = measure(
        input1=_Images(made, images.units),
        input2=_Images(real, images.units),
        cuda=torch.cuda.is_available(),
        fid=True,
        kid=True,
        kid_subset_size=min(BLOCK, len(made), len(real)),
        feature_extractor_weights_path=str(weights),
        verbose=False,
        cache=False,
    )
    return {"n": len(made)} | {name: float(value) for name, value in found.items()}


def _torch_fidelity() -> Any:
    try:
        from torch_fidelity import calculate_metrics
    except ImportError as error:
        raise InputError(
            f"FID and KID need the package torch-fidelity ({error}): pip install torch-fidelity."
        ) from error
    return calculate_metrics


def _check_weights(path: Path) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"--weights {path}: cannot be read ({error}); needed is {WEIGHTS}, which the project "
            "torch-fidelity publishes with its release 0.2.0. swflow does not download it."
        ) from error
    if not found.startswith(CHECKSUM):
        raise InputError(
            f"--weights {path}: not {WEIGHTS} (its SHA-256 begins with {found[:8]}); other weights "
            "give other numbers, and are not opened."
        )
