"""What models share that learn from the training rows alone, without a flow."""

from typing import ClassVar

from swflow.models.sampler import Model
from swflow.runtime.errors import InputError


class DataModel(Model):
    """A model without entropy; its times, if any, are the ends of an interpolation of its own."""

    times: ClassVar[tuple[float, ...]] = ()

    def check_time(self, time: float) -> None:
        """Any time between the first and the last is allowed."""
        first, last = self.spec.times[0], self.spec.times[-1]
        if not first <= time <= last:
            raise InputError(f"time={time:g}: allowed is {first:g} to {last:g}.")
