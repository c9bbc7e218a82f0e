"""What every kind of model is: something that can be drawn from, saved and loaded."""

import hashlib
import importlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from safetensors.torch import load, save_file
from torch import Generator, Tensor

from swflow.errors import InputError
from swflow.provenance import versions
from swflow.settings import MODEL_KINDS, SourceSettings
from swflow.sources import draw_source
from swflow.trajectory import Trajectory
from swflow.units import Units

FORMAT = 2
BATCH_ROWS = 2048  # activations stay in the cache: a third faster than 16,384
WEIGHTS, DESCRIPTION, HISTORY = "weights.safetensors", "settings.json", "history.csv"


@dataclass(frozen=True)
class Domain:
    """What a model was made for: units, source law, and the times, entropies and labels it knows.

    times: stored times of the teacher, 0 first; entropies: those learned from; labels: classes of
    a flow made class by class, and label_shares: their parts of the whole.
    """

    dataset: str
    units: Units
    source: SourceSettings
    times: tuple[float, ...]
    entropies: tuple[float, ...]
    labels: tuple[int, ...] = ()
    label_shares: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads."""
        return {
            "dataset": self.dataset,
            "units": self.units.to_json(),
            "source": self.source.model_dump(mode="json"),
            # JSON has no NaN: what learned from the data alone knows no entropy, some no time.
            "times": [_known(time) for time in self.times],
            "entropies": [_known(entropy) for entropy in self.entropies],
            "labels": list(self.labels),
            "label_shares": list(self.label_shares),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The domain written by `to_json`."""
        return cls(
            values["dataset"],
            Units.from_json(values["units"]),
            SourceSettings.model_validate(values["source"]),
            tuple(math.nan if time is None else time for time in values["times"]),
            tuple(math.nan if entropy is None else entropy for entropy in values["entropies"]),
            tuple(values["labels"]),
            tuple(values["label_shares"]),
        )


class Point(NamedTuple):
    """Where to draw: entropy ε, time τ, number of passes, class (None: all, in their shares)."""

    entropy: float
    time: float
    passes: int = 1
    label: int | None = None


class Drawn(NamedTuple):
    """Draws `(n, d)` in model units, and the class of each `(n,)` where there are classes."""

    x: Tensor
    label: Tensor | None = None


class Sampler(ABC):
    """Draws of a law at any time and entropy it knows; rows of a table of scores."""

    kind: ClassVar[str]
    domain: Domain

    @property
    def passes(self) -> tuple[int, ...]:
        """The numbers of passes at which draws are scored."""
        return (1,)

    @abstractmethod
    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Drawn:
        """Draw n at a point that was checked."""

    def sample(
        self,
        n: int,
        *,
        time: float | None = None,
        entropy: float | None = None,
        label: int | None = None,
        passes: int = 1,
        quasi: bool = False,
        generator: Generator | None = None,
    ) -> Tensor:
        """Draw `n` samples in data units, `(n, *event_shape)`.

        time: flow time τ (default: the end of the flow). entropy: ε (default: the first
        learned). label: class (default: all, in their shares of the data). quasi: from scrambled
        Sobol source points. Raises ValueError for a control that this kind lacks, or a value
        outside what it was trained on.
        """
        if n < 1:
            raise InputError(f"n={n}: at least 1 sample must be asked for.")
        point = self.check(time, entropy, label, passes)
        generator = generator if generator is not None else torch.default_generator
        return self.to_data(self.draw(n, point, generator, quasi).x)

    def to_data(self, x: Tensor) -> Tensor:
        """`(n, d)` in model units -> `(n, *event_shape)` in data units."""
        return torch.from_numpy(self.domain.units.to_data(x.cpu().numpy()))

    def check(
        self, time: float | None, entropy: float | None, label: int | None, passes: int
    ) -> Point:
        """Fill defaults and refuse what this kind lacks."""
        self.check_label(label)
        self.check_passes(passes)
        times, entropies = self.domain.times, self.domain.entropies
        time = times[-1] if time is None else float(time)
        entropy = entropies[0] if entropy is None else float(entropy)
        self.check_time(time)
        self.check_entropy(entropy)
        return Point(entropy, time, passes, label)

    def refuse_quasi(self, quasi: bool) -> None:
        """For kinds that draw no source point."""
        if quasi:
            raise InputError(f"quasi=True: {self.kind} draws no source points; use quasi=False.")

    def check_label(self, label: int | None) -> None:
        """Refuse a class that is not one of those learned."""
        known = self.domain.labels
        if label is None or label in known:
            return
        if not known:
            raise InputError(f"label={label}: this {self.kind} knows no labels; leave label out.")
        raise InputError(f"label={label}: allowed are {_listed(known)}.")

    def choose_labels(
        self, n: int, point: Point, generator: Generator, quasi: bool = False
    ) -> Tensor | None:
        """The class of each of n draws: that of the point, or at random by their shares.

        quasi: as many of each class as its share says, in order.
        """
        if not self.domain.labels:
            return None
        if point.label is not None:
            return torch.full((n,), point.label)
        shares = torch.tensor(self.domain.label_shares, dtype=torch.float64)
        if quasi:
            within = (torch.arange(n) + 0.5) / n
            chosen = torch.searchsorted(shares.cumsum(0), within).clamp(max=len(shares) - 1)
        else:
            chosen = torch.multinomial(shares, n, replacement=True, generator=generator)
        return torch.tensor(self.domain.labels)[chosen]

    def check_passes(self, passes: int) -> None:
        """Refuse more than one pass."""
        if passes != 1:
            raise InputError(f"passes={passes}: {self.kind} maps in one pass; use passes=1.")

    def check_time(self, time: float) -> None:
        """Refuse a time that is not one of the stored ones."""
        if not np.isclose(time, self.domain.times, rtol=1e-6).any():
            raise InputError(f"time={time:g}: allowed are {_listed(self.domain.times)}.")

    def check_entropy(self, entropy: float) -> None:
        """Refuse an entropy that is not one of those learned."""
        if not np.isclose(entropy, self.domain.entropies, rtol=1e-6).any():
            raise InputError(f"entropy={entropy:g}: allowed are {_listed(self.domain.entropies)}.")


class Model(Sampler):
    """A sampler that was fitted and lives in a folder: settings.json, weights.safetensors."""

    settings: Any
    # What the folder says beside settings and domain: seed, digests, seconds spent.
    attributes: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The fitted numbers."""

    @classmethod
    @abstractmethod
    def rebuild(cls, settings: Any, domain: Domain, tensors: dict[str, Tensor]) -> Self:
        """The model with these numbers. Raises ValueError or RuntimeError where they do not fit."""

    def save(self, folder: Path, attributes: dict[str, Any]) -> None:
        """Write the model's files into an existing folder."""
        description = {
            "format": FORMAT,
            "kind": self.kind,
            "settings": self.settings.model_dump(mode="json"),
            "domain": self.domain.to_json(),
            "versions": versions(),
            **attributes,
        }
        save_file({k: v.contiguous() for k, v in self.tensors().items()}, folder / WEIGHTS)
        description["checksum"] = _checksum(description, (folder / WEIGHTS).read_bytes())
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1))


class SourceModel(Model):
    """A model that carries points of the source: x₀ to the flow's state at a time."""

    # Whether several passes are the same map as one, but for what was not learned exactly.
    composes: ClassVar[bool] = False

    @abstractmethod
    def carry(self, x0: Tensor, point: Point) -> Tensor:
        """A batch `(n, d)`, of one class where there are classes, to `(n, d)` in model units.

        The point was checked.
        """

    def pair(self, store: Trajectory, index: int) -> np.ndarray:
        """What the source points of a run are mapped to at stored time `index`, `(n, d)`."""
        return store.paired(index)

    def transport(
        self,
        x0: Tensor,
        *,
        time: float | None = None,
        entropy: float | None = None,
        label: int | Tensor | None = None,
        passes: int = 1,
    ) -> Tensor:
        """Carry source points `(n, d)` to time τ, in model units.

        label: of all points or `(n,)` of each, needed where the flow was made class by class.
        Raises as `sample`.
        """
        if x0.ndim != 2 or x0.shape[1] != self.domain.units.dim:
            raise InputError(
                f"x0 has shape {tuple(x0.shape)}: needed is (n, {self.domain.units.dim}), "
                "source points in model units."
            )
        point = self.check(time, entropy, None, passes)
        return self._carry_all(x0, point, self._label_of_each(label, len(x0)))

    def draw(self, n: int, point: Point, generator: Generator, quasi: bool = False) -> Drawn:
        """Source points, carried; evenly spread ones are so within each class, too."""
        law, dim = self.domain.source, self.domain.units.dim
        label = self.choose_labels(n, point, generator, quasi)
        x0 = draw_source(law, n, dim, quasi=quasi, generator=generator)
        if quasi and label is not None:
            # Runs of a Sobol sequence are spread evenly, random subsets of it are not: classes
            # take runs, and are mixed only then.
            order = torch.randperm(n, generator=generator)
            x0, label = x0[order], label[order]
        return Drawn(self._carry_all(x0, point, label), label)

    def _label_of_each(self, label: int | Tensor | None, n: int) -> Tensor | None:
        """The classes `(n,)` of n points, checked; none where the flow has none."""
        if label is None and not self.domain.labels:
            return None
        if label is None:
            known = _listed(self.domain.labels)
            raise InputError(f"label=None: say the class of the points, of {known}.")
        each = label if isinstance(label, Tensor) else torch.full((n,), label)
        if each.shape != (n,):
            raise InputError(
                f"label has shape {tuple(each.shape)}: needed is ({n},), or one number."
            )
        for found in each.unique().tolist():
            self.check_label(found)
        return each

    @torch.inference_mode()
    def _carry_all(self, x0: Tensor, point: Point, label: Tensor | None) -> Tensor:
        """In batches, class by class: all points of a batch meet the same conditions."""
        if label is None:
            return torch.cat([self.carry(x, point) for x in x0.split(BATCH_ROWS)])
        carried = torch.empty_like(x0)
        for known in label.unique().tolist():
            rows = label == known
            carried[rows] = self._carry_all(x0[rows], point._replace(label=known), None)
        return carried


class SeveralPasses(SourceModel):
    """A model that applies its network as often as it is asked to."""

    one_pass: ClassVar[str]

    @property
    def passes(self) -> tuple[int, ...]:
        """The numbers that the settings ask for; any other may be asked for too."""
        return tuple(self.settings.passes)

    def check_passes(self, passes: int) -> None:
        """Any number from 1."""
        if passes < 1:
            raise InputError(f"passes={passes}: at least 1 {self.one_pass} is needed.")


def kind_class(kind: str) -> type[Any]:
    """The class of a kind: `MODEL` of the module of that name. Raises InputError if unknown."""
    if kind not in MODEL_KINDS:
        raise InputError(f"model kind {kind!r} is unknown: allowed are {', '.join(MODEL_KINDS)}.")
    found: type[Any] = importlib.import_module(f"swflow.models.{kind}").MODEL
    return found


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A model folder's description and tensors; nothing in it is executed.

    Raises InputError where a file is absent, unreadable or of another format.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        if description.get("format") != FORMAT:
            raise InputError(
                f"{folder}: model format {description.get('format')}, this version reads {FORMAT}; "
                "train it again."
            )
        weights = (folder / WEIGHTS).read_bytes()
        if description.pop("checksum", None) != _checksum(description, weights):
            raise InputError(
                f"{folder}: {DESCRIPTION} and {WEIGHTS} are not what was written together: one "
                "was changed or damaged. Train it again."
            )
        return description, load(weights)
    except InputError:
        raise
    except Exception as error:  # safetensors, JSON and the file system raise unrelated types
        raise InputError(f"{folder}: not a readable model folder ({error}).") from error


def _checksum(description: Mapping[str, Any], weights: bytes) -> str:
    """SHA-256 of both files' content, however the JSON is laid out."""
    text = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(text + weights).hexdigest()


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)
