"""The training loop: interrupted training goes on to the same bytes; diverged training says so."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from swflow.checkpoint import Checkpoint
from swflow.errors import InputError
from swflow.randomness import keyed_generator
from swflow.settings import OptimiserSettings
from swflow.termination import TerminatedError
from swflow.training import TrainingJob, seeded_weights, train_network

SETTINGS = OptimiserSettings(steps=60, batch_size=16, precision="float32", average_decay=0.9)


class KilledError(Exception):
    """What a test raises where a job would be killed."""


def network() -> nn.Module:
    with seeded_weights(3):
        return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))


def loss(stop_at: int | None = None) -> Callable[[nn.Module, int], Tensor]:
    def value(net: nn.Module, step: int) -> Tensor:
        if step == stop_at:
            raise KilledError
        x = torch.randn(16, 2, generator=keyed_generator(0, "x", step))
        return (net(x)[:, 0] - x.prod(dim=1)).square().mean()

    return value


def job(folder: Path) -> TrainingJob:
    """One that keeps a checkpoint after each row of its history."""
    found = Checkpoint(folder / "model", {"settings": SETTINGS.canonical()})
    found.partial.mkdir(exist_ok=True)
    return TrainingJob(0, "cpu", found, checkpoint_seconds=0)


@pytest.mark.parametrize("stops", [[1], [37], [20, 21, 59]])
def test_interrupted_training_ends_with_the_same_bytes(tmp_path: Path, stops: list[int]) -> None:
    whole, history = train_network(network(), loss(), SETTINGS, TrainingJob(0, "cpu"))
    for stop in stops:
        with pytest.raises(KilledError):
            train_network(network(), loss(stop), SETTINGS, job(tmp_path))
    resumed, rows = train_network(network(), loss(), SETTINGS, job(tmp_path))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert rows.equals(history)


def test_time_before_an_interruption_counts(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train_network(network(), loss(50), SETTINGS, job(tmp_path))
    _, notes = job(tmp_path).checkpoint.read("cpu")
    again = job(tmp_path)
    train_network(network(), loss(), SETTINGS, again)
    assert again.spent() > again.seconds == notes["seconds"] > 0


def test_told_to_stop_it_keeps_a_checkpoint_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    def told(net: nn.Module, step: int) -> Tensor:
        if step == 33:
            signal.raise_signal(signal.SIGTERM)
        return loss()(net, step)

    long = SETTINGS.model_copy(update={"steps": 900})  # a row every 4 steps: losses are pending
    whole, history = train_network(network(), loss(), long, TrainingJob(0, "cpu"))
    patient = job(tmp_path)
    patient.checkpoint_seconds = 60
    with pytest.raises(TerminatedError, match=r"model\.checkpoint holds step 34 of 900"):
        train_network(network(), told, long, patient)
    resumed, rows = train_network(network(), loss(), long, job(tmp_path))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert rows.equals(history)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_diverged_training_names_its_last_good_weights(tmp_path: Path) -> None:
    def wild(net: nn.Module, step: int) -> Tensor:
        return loss()(net, step) * (float("nan") if step > 40 else 1)

    with pytest.raises(InputError, match=r"nan at step 42; .*last good weights are in"):
        train_network(network(), wild, SETTINGS, job(tmp_path))
    tensors, notes = job(tmp_path).checkpoint.read("cpu")
    assert notes["step"] == 41
    assert all(bool(value.isfinite().all()) for value in tensors.values())


def test_weights_a_loss_does_not_depend_on_stay() -> None:
    """What the alternating games of two networks rely on."""
    before = network()
    frozen = before[0].weight.detach().clone()

    def of_last(net: nn.Module, step: int) -> Tensor:
        net[0].requires_grad_(False)
        return loss()(net, step)

    after, _ = train_network(before, of_last, SETTINGS, TrainingJob(0, "cpu"))
    assert torch.allclose(after[0].weight, frozen, atol=1e-6)
    assert not torch.equal(after[2].weight, network()[2].weight)
