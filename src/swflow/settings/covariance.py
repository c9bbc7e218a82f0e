"""A covariance that is drawn, for laws that are compared in many dimensions."""

from typing import Self

from pydantic import model_validator

from swflow.settings.base import Positive, Settings


class RandomCovariance(Settings):
    """A randomly rotated matrix, its eigenvalues log-uniform between two bounds."""

    smallest: Positive
    largest: Positive
    seed: int = 0

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.smallest > self.largest:
            raise ValueError(
                f"smallest = {self.smallest:g}: must be at most largest = {self.largest:g}."
            )
        return self
