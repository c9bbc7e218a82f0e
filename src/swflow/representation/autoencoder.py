"""Autoencoders: images to a few numbers and back, fitted to the training rows of a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from swflow.events import image_shape
from swflow.networks.convolutional import Classifier, Decoder, Encoder
from swflow.randomness import keyed_generator
from swflow.representation.affine import Affine, SlicedRows, slices
from swflow.representation.dataset import Dataset
from swflow.representation.decoder import BATCH_ROWS, ImageDecoder
from swflow.representation.features import fit_classifier, perceived_difference
from swflow.runtime.progress import progress
from swflow.settings import LatentSettings
from swflow.training.loop import History, TrainingRun, seeded_weights, train_network

# Where a batch's latents do not spread: keeps a division defined.
LEAST_SPREAD = 1e-4
# Blurred copies compared beside the images themselves, each of half the side.
BLURRED = 2


@dataclass(frozen=True)
class Autoencoder:
    """An encoder of images in model units, and the decoder that leads back to data units.

    images: the dataset's name; digest: its content; units: its model units.
    """

    settings: LatentSettings
    images: str
    digest: str
    units: Affine
    encoder: Encoder
    decoder: ImageDecoder

    @torch.inference_mode()
    def encode(self, rows: SlicedRows) -> np.ndarray:
        """Images `(n, *event_shape)` in model units -> latents `(n, dim)`, float32."""
        shape, dim = image_shape(self.units.event_shape), self.settings.dim
        found = [
            self.encoder(batch.reshape(-1, *shape))[:, :dim]
            for part in slices(rows)
            for batch in torch.from_numpy(np.asarray(part)).split(BATCH_ROWS)
        ]
        return torch.cat(found).numpy()

    def tensors(self) -> dict[str, Tensor]:
        """Weights of both networks."""
        parts = {"encoder": self.encoder, "decoder": self.decoder.network}
        return {
            f"{part}.{name}": value
            for part, network in parts.items()
            for name, value in network.state_dict().items()
        }

    @classmethod
    def rebuild(
        cls,
        settings: LatentSettings,
        images: str,
        digest: str,
        units: Affine,
        tensors: Mapping[str, Tensor],
    ) -> Self:
        """The autoencoder with these weights. Raises RuntimeError where they do not fit."""
        both = _Both(settings, image_shape(units.event_shape))
        both.load_state_dict(dict(tensors))
        return cls._of(settings, images, digest, units, both)

    @classmethod
    def _of(
        cls, settings: LatentSettings, images: str, digest: str, units: Affine, both: "_Both"
    ) -> Self:
        decoder = ImageDecoder(
            both.decoder.eval(),
            settings.network,
            settings.dim,
            units.event_shape,
            units.value_range,
        )
        return cls(settings, images, digest, units, both.encoder.eval(), decoder)


def fit_autoencoder(
    settings: LatentSettings, images: Dataset, run: TrainingRun
) -> tuple[Autoencoder, History]:
    """Fit to the training rows; returns it with the history of its training.

    Latents of the training rows have mean 0 and variance 1, each. Raises InputError where rows are
    no images, and DivergedError as `train_network` does.
    """
    shape = image_shape(images.units.event_shape)
    rows = torch.from_numpy(images.rows("train")).reshape(-1, *shape)
    # From model units to [0, 1], what the decoder makes.
    low, high = images.units.value_range
    scale = images.units.scale / (high - low)
    shift = torch.from_numpy((images.units.shift - low) / (high - low)).float().reshape(shape)
    shift, size = shift.to(run.device), settings.training.batch_size
    critic = _critic(settings, images, run) if settings.perception else None

    def loss(both: "_Both", step: int) -> Tensor:
        generator = keyed_generator(run.seed, "autoencoder", step)
        x = rows[torch.randint(len(rows), (size,), generator=generator)]
        if settings.mirrored:
            turned = torch.rand(size, generator=generator) < 0.5
            x = torch.where(turned[:, None, None, None], x.flip(-1), x)
        noise = torch.randn(size, settings.dim, generator=generator)
        x = x.to(run.device)
        made, penalty = both(x, noise.to(run.device))
        total = difference(made, scale * x + shift) + penalty
        if critic is not None:
            seen = perceived_difference(critic, (made - shift) / scale, x)
            total = total + settings.perception * seen
        return total

    with seeded_weights(run.seed):
        both = _Both(settings, shape).to(run.device)
    fitted, history = train_network(both, loss, settings.training, run)
    fitted = fitted.cpu().eval()
    if not settings.divergence:
        fitted.standardise(rows)
    return Autoencoder._of(settings, images.name, images.digest, images.units, fitted), history


def _critic(settings: LatentSettings, images: Dataset, run: TrainingRun) -> Classifier:
    """A classifier of the training images, fixed from now on; the same after an interruption."""
    shape, steps = image_shape(images.units.event_shape), settings.critic.training.steps
    with progress("critic", total=steps) as bar:
        first = TrainingRun(run.seed, run.device, on_step=lambda state: bar.update())
        _, critic, _ = fit_classifier(settings.critic, images.splits["train"], shape, first)
    return critic.to(run.device).requires_grad_(False)


class _Both(nn.Module):
    """Encoder and decoder, as they are trained."""

    def __init__(self, settings: LatentSettings, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.settings = settings
        outputs = settings.dim * (2 if settings.divergence else 1)
        self.encoder = Encoder(settings.network, shape, outputs)
        self.decoder = Decoder(settings.network, shape, settings.dim)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Of images `(n, c, h, w)` in model units those in [0, 1] that are made, and a penalty.

        noise: `(n, dim)`.
        """
        code = self.encoder(x).float()
        if not self.settings.divergence:
            spread = code.std(dim=0).clamp_min(LEAST_SPREAD)
            z = (code - code.mean(dim=0)) / spread + self.settings.noise * noise
            return self.decoder(z), torch.zeros((), device=x.device)
        mean, log_variance = code.chunk(2, dim=1)
        z = mean + (log_variance / 2).exp() * noise
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean() / 2
        return self.decoder(z), self.settings.divergence * divergence

    @torch.inference_mode()
    def standardise(self, rows: Tensor) -> None:
        """Change the encoder's last layer so that latents of rows have mean 0 and variance 1."""
        code = torch.cat([self.encoder(part) for part in rows.split(BATCH_ROWS)]).double()
        mean, spread = code.mean(dim=0), code.std(dim=0).clamp_min(LEAST_SPREAD)
        last = self.encoder.out
        last.weight.data = (last.weight.double() / spread[:, None]).float()
        last.bias.data = ((last.bias.double() - mean) / spread).float()


def difference(made: Tensor, goal: Tensor) -> Tensor:
    """Mean of |made − goal| over images in [0, 1] `(n, c, h, w)` and blurred copies of them.

    The mean absolute difference keeps edges that squares blur; blurred copies weigh what is larger
    than a pixel.
    """
    total = torch.zeros((), device=made.device)
    for level in range(BLURRED + 1):
        total = total + (made - goal).abs().mean()
        if level < BLURRED:
            made, goal = (nn.functional.avg_pool2d(x, 2, ceil_mode=True) for x in (made, goal))
    return total
