"""Settings of the law at time 0, and of covariances that are drawn."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from swflow.settings.base import Positive, Seed, Settings


class RandomCovariance(Settings):
    """A randomly rotated matrix, its eigenvalues log-uniform between two bounds."""

    smallest: Positive
    largest: Positive
    seed: Seed = Field(0, description="Key of the random covariance.")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.smallest > self.largest:
            raise ValueError(
                f"smallest = {self.smallest:g}: must be at most largest = {self.largest:g}."
            )
        return self


class SourceSettings(Settings):
    """The law at time 0: mean + scale·Z, with Z standard Gaussian or uniform of unit variance.

    With a covariance Z is N(0, covariance) instead.
    """

    law: Literal["gaussian", "uniform"] = Field(
        "gaussian", description="N(0, I), or uniform on [-√3, √3]^d."
    )
    mean: float = Field(0.0, description="Mean of every coordinate, in model units.")
    scale: Positive = Field(1.0, description="Standard deviation of every coordinate.")
    covariance: RandomCovariance | None = Field(
        None, description="{smallest, largest, seed}: a random covariance, Gaussian sources only."
    )

    @model_validator(mode="after")
    def _check_covariance(self) -> Self:
        if self.covariance is not None and self.law != "gaussian":
            raise ValueError(f"covariance: a {self.law} source has none; leave it out.")
        return self


def _named_law(value: Any) -> Any:
    return {"law": value} if isinstance(value, str) else value


# In a config file a name stands for a standard source.
Source = Annotated[SourceSettings, BeforeValidator(_named_law)]
