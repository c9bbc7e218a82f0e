"""What models share that learn from the training rows alone, without a flow."""

import math
from typing import ClassVar

from swflow.errors import InputError
from swflow.models.base import Model


class DataModel(Model):
    """A model without entropy; its times, if any, are those of its own interpolation."""

    times: ClassVar[tuple[float, ...]] = (math.nan,)

    def check_time(self, time: float) -> None:
        """Any time between the first and the last is allowed."""
        first, last = self.domain.times[0], self.domain.times[-1]
        if math.isnan(last):
            if not math.isnan(time):
                raise InputError(f"time={time:g}: a {self.kind} knows no time; leave it out.")
        elif not first <= time <= last:
            raise InputError(f"time={time:g}: allowed is {first:g} to {last:g}.")

    def check_entropy(self, entropy: float) -> None:
        """No entropy can be asked for."""
        if not math.isnan(entropy):
            raise InputError(f"entropy={entropy:g}: a {self.kind} knows no entropy; leave it out.")
