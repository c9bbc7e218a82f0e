"""Settings of what is drawn from models, and how it is scored."""

from typing import Annotated

from pydantic import Field

from swflow.settings.base import Count, Settings

# Rows of every experiment beside its models: the flow itself, and held-out real data.
PARTICLES, TEST_SET = "particles", "test_set"


class SampleSettings(Settings):
    """Draws kept on disk, for each entropy, time and number of passes."""

    n: Count = Field(10000, description="Draws at each point (of real rows: at most all of them).")


class ScoreSettings(Settings):
    """Sample sizes of the metrics. Each group of metrics depends on those it names alone."""

    n_draws: Count = Field(10000, description="Draws in one fidelity distance.")
    n_redraws: Annotated[int, Field(ge=2)] = Field(20, description="Repetitions averaged.")
    n_large: Count = Field(200000, description="Draws behind the excess.")
    n_directions: Count = Field(64, description="Directions of sliced distances in scores.")
    n_classifier: Annotated[int, Field(ge=10)] = Field(
        5000, description="Rows of each side for the two-sample classifier, half of them to test."
    )
    n_exact: Count = Field(2000, description="Rows of each side for exact W2 and neighbours.")
    n_memorisation: Count = Field(2000, description="Samples whose nearest rows are looked up.")
    image_stride: Count = Field(
        1, description="Images are compared at every k-th stored time, counted from the last."
    )
    generation_stride: Count | None = Field(
        None,
        description="Samples are compared with real rows at every k-th stored time, counted from "
        "the last (default: at the last alone).",
    )
    heldout_ratio: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="Held-out rows that copies are told by, for each training row, so that sets "
        "of several sizes compare (default: all there are, at most one).",
    )
    plant: bool = Field(
        False,
        description="Whether copies are planted among real rows, to see how few each statistic of "
        "copying finds.",
    )
    n_timed: Count = Field(1000, description="Samples in one timed draw.")
    n_timings: Count = Field(3, description="Timed draws; the median counts.")
