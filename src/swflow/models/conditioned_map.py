"""What networks share that map points to where the flow carries them."""

import torch
from torch import Generator, Tensor

from swflow.models.conditioned import ConditionedModel
from swflow.models.pairs import Batch, PairDataset
from swflow.randomness import fresh_key, keyed_generator
from swflow.settings import implementation
from swflow.sliced.distances import sliced_wasserstein


class ConditionedMap(ConditionedModel):
    """Regresses where points are carried and, with `law`, matches what a batch of them becomes.

    The mean square alone is least for the mean of all that a network cannot tell apart: images are
    blurred. SW² between what a batch becomes and its goals, whichever point belongs to which, is
    least where laws agree; where every pair is met both are 0.
    """

    def batch(self, pairs: PairDataset, step: int, generator: Generator) -> Batch:
        """With a law, all of one time."""
        size, together = self.settings.training.batch_size, self.settings.law is not None
        return pairs.batch(size, step, generator, of_one_time=together)

    def loss(self, predicted: Tensor, batch: Batch, generator: Generator) -> Tensor:
        """The mean square, and SW² in its weight."""
        regression, law = super().loss(predicted, batch, generator), self.settings.law
        if law is None:
            return regression
        goals, shape = batch.goals, self.spec.units.event_shape
        own = keyed_generator(fresh_key(generator), "law", device=goals.device)
        draw = implementation(law.directions)
        thetas = draw(law.directions, law.n_directions, shape, own, goals.dtype)
        with torch.autocast(goals.device.type, enabled=False):
            distance = sliced_wasserstein(predicted.float(), goals, thetas)
        return regression + law.weight * distance.square()
