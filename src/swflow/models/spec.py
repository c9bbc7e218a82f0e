"""What a sampler knows, and what can be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from torch import Tensor

from swflow.flow.known import known_coordinates
from swflow.representation.affine import Affine
from swflow.representation.latent import with_decoder
from swflow.settings import KnownSettings, SourceSettings, parse_settings
from swflow.settings.known import AnyKnown


class Condition(NamedTuple):
    """What to draw: entropy ε, time τ, number of passes, class (None: all, in their shares).

    entropy, time: None where the sampler knows none, such as models of the data alone.
    """

    entropy: float | None
    time: float | None
    passes: int = 1
    label: int | None = None


class Drawn(NamedTuple):
    """Draws `(n, d)` in model units, and the class of each `(n,)` where there are classes."""

    x: Tensor
    label: Tensor | None = None


@dataclass(frozen=True)
class ModelSpec:
    """Units, source law, and the times, entropies and labels that a sampler knows.

    times: 0 first, the stored ones of a teacher or the ends of an interpolation; entropies: those
    learned from; both empty where there are none. labels: classes of a flow made class by class,
    and label_shares: their parts of the whole. known: pixels that the flow holds.
    """

    dataset: str
    units: Affine
    source: SourceSettings
    times: tuple[float, ...] = ()
    entropies: tuple[float, ...] = ()
    labels: tuple[int, ...] = ()
    label_shares: tuple[float, ...] = ()
    known: KnownSettings | None = None

    @property
    def known_coordinates(self) -> Tensor | None:
        """Which of the d numbers of an event are known, `(d,)` of bool; None where none are."""
        if self.known is None:
            return None
        return known_coordinates(self.known, self.units.event_shape)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads."""
        return {
            "dataset": self.dataset,
            "units": self.units.to_json(),
            "source": self.source.model_dump(mode="json"),
            "times": list(self.times),
            "entropies": list(self.entropies),
            "labels": list(self.labels),
            "label_shares": list(self.label_shares),
            "known": self.known and self.known.model_dump(mode="json"),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], decoder: bytes | None = None) -> Self:
        """The spec written by `to_json`; decoder: that of latents, packed.

        Raises KeyError, TypeError or ValueError otherwise.
        """
        return cls(
            values["dataset"],
            with_decoder(Affine.from_json(values["units"]), decoder),
            SourceSettings.model_validate(values["source"]),
            tuple(values["times"]),
            tuple(values["entropies"]),
            tuple(values["labels"]),
            tuple(values["label_shares"]),
            parse_settings(AnyKnown | None, values.get("known"), "known"),
        )


def listed(values: Sequence[float]) -> str:
    """Numbers as messages show them."""
    return ", ".join(f"{value:g}" for value in values)
