"""The train stage: checkpoints, SIGTERM, what a diverging training leaves behind."""

import signal
from pathlib import Path
from typing import Any

import pytest

from swflow.flow.trajectory import Trajectory
from swflow.representation.dataset import Dataset
from swflow.runtime.checkpoint import Checkpoint
from swflow.runtime.errors import InputError
from swflow.runtime.termination import TerminatedError
from swflow.settings import FlowMapSettings, NetworkSettings, OptimiserSettings
from swflow.stages.fitting import Watch
from swflow.stages.train import train
from swflow.store.model import read_model
from swflow.training.loop import TrainingState

SETTINGS = FlowMapSettings(
    network=NetworkSettings(width=8, depth=1),
    training=OptimiserSettings(steps=400, batch_size=16, precision="float32"),
)


def trained(
    dataset: Dataset, runs: list[Trajectory], out: Path, seconds: float = 60, **changes: Any
) -> dict[str, Any]:
    settings = SETTINGS.model_copy(update=changes)
    train(settings, dataset, runs, 0, out, "cpu", checkpoint_seconds=seconds)
    description, tensors, _ = read_model(out)
    return description | {"weights": {k: v.numpy().tobytes() for k, v in tensors.items()}}


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """SIGTERM comes during a step."""

    def after_step(self: Watch, state: TrainingState[Any]) -> None:
        if state.step == step:
            signal.raise_signal(signal.SIGTERM)
        followed(self, state)

    followed = Watch.after_step
    monkeypatch.setattr(Watch, "after_step", after_step)


@pytest.mark.parametrize("pool_gib", [1.0, 2e-5], ids=["held", "streamed"])
def test_told_to_stop_it_keeps_a_checkpoint_and_ends_with_the_same_bytes(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path, pool_gib: float
) -> None:
    """A store that does not fit in the pool is streamed through it: no difference here."""
    runs = stores[0][:1]
    whole = trained(dataset, runs, tmp_path / "whole", pool_gib=pool_gib)
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 133)
        with pytest.raises(TerminatedError, match=r"map\.checkpoint holds step 133 of 400"):
            trained(dataset, runs, tmp_path / "map", pool_gib=pool_gib)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    _, notes = Checkpoint(tmp_path / "map", {}).read("cpu") or ({}, {})
    resumed = trained(dataset, runs, tmp_path / "map", pool_gib=pool_gib)
    assert resumed["weights"] == whole["weights"]
    assert resumed["train_seconds"] > notes["seconds"] > 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map", "whole"]
    histories = [(tmp_path / name / "history.csv").read_text() for name in ("map", "whole")]
    assert histories[0] == histories[1]


def test_a_checkpoint_of_other_settings_is_refused_and_kept(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 20)
        with pytest.raises(TerminatedError):
            trained(dataset, stores[0], tmp_path / "map")
    with pytest.raises(InputError, match=r"with other stores left this.* remove .*checkpoint"):
        trained(dataset, stores[1], tmp_path / "map")
    with pytest.raises(InputError, match="with other settings left this"):
        trained(dataset, stores[0], tmp_path / "map", clock="linear")
    assert (tmp_path / "map.checkpoint").is_file()


def test_training_that_diverges_names_its_last_good_weights_and_writes_no_model(
    dataset: Dataset, stores: list[list[Trajectory]], tmp_path: Path
) -> None:
    wild = OptimiserSettings(steps=50, batch_size=16, learning_rate=1e30, clip_norm=1e30)
    message = r"diverged: .* Lower training.learning_rate. No model was written."
    with pytest.raises(InputError, match=message):
        trained(dataset, stores[0][:1], tmp_path / "map", training=wild)
    assert list(tmp_path.iterdir()) == []
    message += r" The last good weights are in .*map.checkpoint"
    with pytest.raises(InputError, match=message):
        trained(dataset, stores[0][:1], tmp_path / "map", seconds=0, training=wild)
    assert not (tmp_path / "map").exists()


def test_a_model_comes_with_a_card(
    tmp_path: Path, dataset: Dataset, stores: list[list[Trajectory]]
) -> None:
    """What it is, of which data and flow, what can be asked for."""
    few = FlowMapSettings(network={"width": 8, "depth": 1}, training={"steps": 2})
    train(few, dataset, stores[0], 3, tmp_path / "map", "cpu")
    text = (tmp_path / "map" / "README.md").read_text()
    assert f"flow_map of {dataset.name}" in text
    assert "1,000 particles to τ = 2, 32 orthonormal directions a step" in text
    assert "| entropies | 0, 0.1 |" in text
    assert "| seed | 3 |" in text
