"""Settings of datasets of images: published ones, and a user's own folder or archive."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from swflow.settings.base import Count
from swflow.settings.rows import Fraction, SplitSettings

Side = Annotated[int, Field(ge=1, le=4096)]


class ImageSettings(SplitSettings):
    """Images `(n, height, width)`, grey, or `(n, channels, height, width)`: values 0 to 255."""

    all_classes: ClassVar[bool] = True
    pictured: ClassVar[bool] = True
    heldout_fraction: Fraction | None = Field(  # type: ignore[assignment]
        None,
        description="Part of the training images that is held out (default: 0.15, or 0.3 where "
        "there is an official test split: half to compare with, half as floor).",
    )

    def fraction_held_out(self, official: bool) -> float:
        """As said, or the default."""
        if self.heldout_fraction is not None:
            return self.heldout_fraction
        return 0.3 if official else 0.15


class PublishedSettings(ImageSettings):
    """A published set with its official test split."""

    classed: ClassVar[bool] = True
    data_root: Path | None = Field(
        None,
        description="Folder that holds the raw files (default: $SWFLOW_DATA; what is not there is "
        "downloaded once, and verified).",
    )


class MnistSettings(PublishedSettings):
    """60,000 and 10,000 handwritten digits of 28 × 28 pixels (LeCun et al. 1998)."""

    home: ClassVar[str] = "swflow.datasets.idx:mnist"
    kind: Literal["mnist"] = "mnist"


class FashionMnistSettings(PublishedSettings):
    """60,000 and 10,000 clothes of 28 × 28 pixels, ten classes (Xiao et al. 2017)."""

    home: ClassVar[str] = "swflow.datasets.idx:fashion_mnist"
    kind: Literal["fashion_mnist"] = "fashion_mnist"
    embedded: bool = Field(
        False,
        description="Only the 10,000 images of the test file, which come with swflow: no download.",
    )


class KmnistSettings(PublishedSettings):
    """60,000 and 10,000 cursive Japanese characters of 28 × 28 pixels (Clanuwat et al. 2018)."""

    home: ClassVar[str] = "swflow.datasets.idx:kmnist"
    kind: Literal["kmnist"] = "kmnist"


class Cifar10Settings(PublishedSettings):
    """50,000 and 10,000 colour images of 32 × 32 pixels, ten classes (Krizhevsky 2009)."""

    home: ClassVar[str] = "swflow.datasets.cifar10:cifar10"
    kind: Literal["cifar10"] = "cifar10"


class ImagesSettings(ImageSettings):
    """A folder or an archive of images; where they lie in sub-folders, these are the classes.

    With folders `train` and `test` at the top, `test` is the official test split.
    """

    home: ClassVar[str] = "swflow.datasets.images:images"
    kind: Literal["images"] = "images"
    path: Path = Field(description="A folder, or an archive: .zip, .tar, .tar.gz, .tar.xz, …")
    size: Side | tuple[Side, Side] | None = Field(
        None,
        description="Height and width: images are resized to cover it and cut about their centre "
        "(default: as they are, all of one size).",
    )
    colour: bool | None = Field(
        None, description="Three channels, or grey (default: as they are, all of one mode)."
    )
    labels: bool | None = Field(
        None, description="Sub-folders are classes (default: where there are sub-folders)."
    )
    skip_damaged: bool = Field(False, description="Leave out images that cannot be read.")
    max_gib: Count = Field(16, description="GiB that an archive may unpack to.")

    @property
    def labelled(self) -> bool:
        """As said; else whether images lie in sub-folders is seen when they are read."""
        return self.labels is not False

    @property
    def files(self) -> list[Path]:
        """The folder or archive."""
        return [self.path]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.path == Path():
            raise ValueError("path: empty; name a folder or an archive of images.")
        return self
