"""What settings of datasets share: what every kind declares, and how rows are split."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from swflow.settings.base import Kind, Seed

Fraction = Annotated[float, Field(gt=0, lt=0.5)]


class RowsSettings(Kind):
    """What every kind declares.

    classed: whether rows carry classes. gaussian: whether their law is, so that flows to it have a
    closed form. map_known: whether the optimal map to it is. pictured: whether they are images.
    """

    kind: str
    classed: ClassVar[bool] = False
    gaussian: ClassVar[bool] = False
    map_known: ClassVar[bool] = False
    pictured: ClassVar[bool] = False

    @property
    def labelled(self) -> bool:
        """Whether rows come with labels."""
        return self.classed

    @property
    def made_of(self) -> str | None:
        """The dataset that rows are made of, where they are made of one."""
        return None

    @property
    def encoded_by(self) -> str | None:
        """The other dataset whose autoencoder makes the rows, where one does."""
        return None

    @property
    def decoded(self) -> bool:
        """Whether rows are latents that come with a decoder of their own."""
        return False

    @property
    def files(self) -> list[Path]:
        """The files, or the folder, that rows are read from, where there are any."""
        return []


class SyntheticSettings(RowsSettings):
    """A law that can be drawn from: splits are fresh draws."""

    n_train: Annotated[int, Field(ge=2)] = Field(20000, description="Training rows.")
    n_heldout: Annotated[int, Field(ge=2)] = Field(
        10000, description="Rows that nothing is fitted to."
    )
    n_test: Annotated[int, Field(ge=2)] = Field(10000, description="Other such rows.")
    seed: Seed = Field(0, description="Key of the draws.")


class SplitSettings(RowsSettings):
    """Rows that exist: a random part is held out, another kept for tests.

    all_classes: whether every class must be in every split.
    """

    all_classes: ClassVar[bool] = False
    heldout_fraction: Fraction = Field(
        0.15, description="Part of the rows that nothing is fitted to."
    )
    test_fraction: Fraction = Field(0.15, description="Another such part, kept for tests.")
    n_train: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Keep only so many of the training rows (default: all)."
    )
    seed: Seed = Field(0, description="Key of the split.")

    def fraction_held_out(self, official: bool) -> float:
        """Part of the rows to hold out; `official`: where there is a test split beside them."""
        return self.heldout_fraction
