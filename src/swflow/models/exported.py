"""A trained map as one graph: source points, time, entropy and class in, images or points out."""

import math

import torch
from torch import Tensor, nn

from swflow.models.conditioned import ConditionedModel
from swflow.representation.decoder import ImageDecoder
from swflow.representation.latent import Latent
from swflow.runtime.errors import InputError

# Kinds whose networks make a sample in one pass.
ONE_PASS = ("flow_map", "two_time_map")


class OnePass(nn.Module):
    """One pass of a network of a flow, decoding included.

    Raises InputError for models that need several evaluations, for a decoder that is not a network
    of ours, for a source with a covariance, and where draws complete images.
    """

    def __init__(self, model: object) -> None:
        super().__init__()
        if not isinstance(model, ConditionedModel) or model.kind not in ONE_PASS:
            raise InputError(
                f"a {getattr(model, 'kind', type(model).__name__)} is no map of one pass: kinds "
                f"that can be exported are {', '.join(ONE_PASS)}."
            )
        spec, units = model.spec, model.spec.units
        if spec.known is not None:
            raise InputError("this model completes images; only maps of whole ones are exported.")
        if spec.source.covariance is not None:
            raise InputError("a source with a covariance of its own cannot be exported.")
        decoder = units.decoder if isinstance(units, Latent) else None
        if decoder is not None and not isinstance(decoder, ImageDecoder):
            raise InputError(
                "latents with a decoder of your own: export a model of latents of ours."
            )
        self.model, self.network = model, model.network
        self.decoder = None if decoder is None else decoder.network
        self.limits = (0.0, 1.0) if decoder is None else decoder.limits
        self.shape, self.scale = units.event_shape, units.scale
        self.register_buffer("shift", torch.tensor(units.shift, dtype=torch.float32).flatten())
        self.register_buffer("labels", torch.tensor(spec.labels, dtype=torch.long))
        self.horizon, self.largest = spec.times[-1], max(spec.entropies)
        self.n_entropies = len(spec.entropies)

    def forward(self, source: Tensor, time: Tensor, entropy: Tensor, label: Tensor) -> Tensor:
        """source: `(n, d)` in model units; time, entropy, label: `(n,)`. Data units out."""
        x = self.model.predict(self.network, source, self._conditions(time, entropy, label))
        shift, labels = self.shift, self.labels
        assert isinstance(shift, Tensor)
        assert isinstance(labels, Tensor)
        data = x * self.scale + shift
        if self.decoder is None:
            return data.reshape(-1, *self.shape)
        low, high = self.limits
        images: Tensor = low + (high - low) * self.decoder(data)
        return images

    def _conditions(self, time: Tensor, entropy: Tensor, label: Tensor) -> Tensor:
        """What `ConditionedModel.conditions` says, of each row: `(n, c)`."""
        if self.model.settings.clock == "linear":
            clock = time / self.horizon
        else:
            clock = torch.log1p(time) / math.log1p(self.horizon)
        parts = [clock[:, None], torch.zeros_like(clock)[:, None]][: self.model.n_clocks]
        if self.n_entropies > 1:
            parts.append(torch.sqrt(entropy / self.largest)[:, None])
        labels = self.labels
        assert isinstance(labels, Tensor)
        if len(labels):
            parts.append((label[:, None] == labels).float())
        return torch.cat(parts, dim=1)
