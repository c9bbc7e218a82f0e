"""Settings of datasets: how the rows are made or read."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from swflow.settings.base import Count, Positive
from swflow.settings.images import (
    Cifar10Settings,
    FashionMnistSettings,
    ImagesSettings,
    KmnistSettings,
    MnistSettings,
)
from swflow.settings.kinds import or_installed
from swflow.settings.latents import LatentSettings
from swflow.settings.rows import SplitSettings, SyntheticSettings
from swflow.settings.sources import RandomCovariance


class EightGaussiansSettings(SyntheticSettings):
    """Eight Gaussians of standard deviation `noise` on a circle of radius 2, d = 2, labelled."""

    home: ClassVar[str] = "swflow.datasets.planar:eight_gaussians"
    kind: Literal["eight_gaussians"] = "eight_gaussians"
    classed: ClassVar[bool] = True
    noise: Annotated[float, Field(gt=0)] = Field(0.1, description="Their deviation.")


class CheckerboardSettings(SyntheticSettings):
    """The uniform law on the black squares of a 4 × 4 board of side 4, d = 2."""

    home: ClassVar[str] = "swflow.datasets.planar:checkerboard"
    kind: Literal["checkerboard"] = "checkerboard"


class SwissRollSettings(SyntheticSettings):
    """A noisy spiral, d = 2 (the roll of scikit-learn seen from its side)."""

    home: ClassVar[str] = "swflow.datasets.planar:swiss_roll"
    kind: Literal["swiss_roll"] = "swiss_roll"
    noise: Annotated[float, Field(ge=0)] = Field(0.5, description="Deviation off the curve.")


class MoonsSettings(SyntheticSettings):
    """Two interleaved half circles with Gaussian noise, labelled 0 and 1, d = 2."""

    home: ClassVar[str] = "swflow.datasets.planar:moons"
    kind: Literal["moons"] = "moons"
    classed: ClassVar[bool] = True
    noise: Annotated[float, Field(ge=0)] = Field(0.05, description="Deviation off the curve.")


class GaussianSettings(SyntheticSettings):
    """A Gaussian law in any dimension."""

    home: ClassVar[str] = "swflow.datasets.gaussian:gaussian"
    gaussian: ClassVar[bool] = True
    map_known: ClassVar[bool] = True
    kind: Literal["gaussian"] = "gaussian"
    dim: Count = Field(2, description="Dimension.")
    mean: float | tuple[float, ...] = Field(0.0, description="Of all coordinates, or of each.")
    covariance: float | tuple[float, ...] | tuple[tuple[float, ...], ...] | RandomCovariance = (
        Field(
            1.0,
            description="A variance, the diagonal, the whole matrix, or {smallest, largest, seed}: "
            "bounds of the eigenvalues of a random one.",
        )
    )


class GaussianMixtureSettings(SyntheticSettings):
    """A mixture of Gaussians in the plane with random weights, means and spreads, labelled.

    The law of the first experiments of Liutkus et al. 2019: 20 components, far apart.
    """

    home: ClassVar[str] = "swflow.datasets.planar:gaussian_mixture"
    kind: Literal["gaussian_mixture"] = "gaussian_mixture"
    classed: ClassVar[bool] = True
    n_components: Count = Field(20, description="Gaussians.")


class ConvexMapSettings(SyntheticSettings):
    """y = ∇φ(x) of standard normal x, φ a random quadratic plus a log-sum-exp.

    The optimal map from N(0, I) to this law is ∇φ: a truth that is not affine (after Korotin et
    al. 2021, Do neural optimal transport solvers work?).
    """

    home: ClassVar[str] = "swflow.datasets.convex_map:convex_map"
    map_known: ClassVar[bool] = True
    kind: Literal["convex_map"] = "convex_map"
    dim: Count = Field(2, description="Dimension.")
    n_pieces: Annotated[int, Field(ge=2)] = Field(8, description="Terms of the log-sum-exp.")
    strength: Positive = Field(2.0, description="Length of the slopes that the terms have.")


class DigitsSettings(SplitSettings):
    """scikit-learn's 1,797 scans of 8 × 8 pixels, dequantised, with labels."""

    home: ClassVar[str] = "swflow.datasets.digits:digits"
    kind: Literal["digits"] = "digits"
    classed: ClassVar[bool] = True


class ArraySettings(SplitSettings):
    """Rows of a file: .npy, .npz, .csv or .h5."""

    home: ClassVar[str] = "swflow.datasets.array:array"
    kind: Literal["array"] = "array"
    path: Path = Field(description="The file.")
    key: str | None = Field(None, description="Array's name inside .npz or .h5 (default x).")
    labels: str | None = Field(None, description="Labels' name inside .npz or .h5, .csv column.")
    decoder: Path | None = Field(
        None,
        description="Of latents of your own: an ONNX file that makes images of them, (n, dim) to "
        "(n, height, width) or (n, channels, height, width).",
    )

    @property
    def labelled(self) -> bool:
        """Where a column or array is named."""
        return self.labels is not None

    @property
    def decoded(self) -> bool:
        """Where a decoder is named."""
        return self.decoder is not None

    @property
    def files(self) -> list[Path]:
        """The file of rows, and of their decoder."""
        return [self.path] if self.decoder is None else [self.path, self.decoder]

    @model_validator(mode="after")
    def _check_suffix(self) -> Self:
        allowed = (".npy", ".npz", ".csv", ".h5")
        if self.path.suffix not in allowed:
            raise ValueError(f"path = {self.path}: the ending must be one of {', '.join(allowed)}.")
        if self.path.suffix == ".npy" and (self.key or self.labels):
            raise ValueError("key and labels name arrays inside .npz, .h5 or .csv: .npy has none.")
        return self


_Union = Annotated[
    EightGaussiansSettings
    | CheckerboardSettings
    | SwissRollSettings
    | MoonsSettings
    | GaussianSettings
    | GaussianMixtureSettings
    | ConvexMapSettings
    | DigitsSettings
    | ArraySettings
    | MnistSettings
    | FashionMnistSettings
    | KmnistSettings
    | Cifar10Settings
    | ImagesSettings
    | LatentSettings,
    Field(discriminator="kind"),
]
DatasetSettings = Annotated[_Union, or_installed("swflow.datasets", _Union)]
