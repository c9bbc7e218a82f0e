"""The training loop: interrupted training goes on to the same bytes; diverged training says so."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from swflow.randomness import keyed_generator
from swflow.settings import OptimiserSettings
from swflow.training.loop import (
    DivergedError,
    Saved,
    TrainingRun,
    TrainingState,
    rate_factor,
    seeded_weights,
    train_network,
)

SETTINGS = OptimiserSettings(steps=60, batch_size=16, precision="float32", average_decay=0.9)
LONG = SETTINGS.model_copy(update={"steps": 900})  # a row every 4 steps: losses are pending


class KilledError(Exception):
    """What a test raises where a job would be killed."""


def network() -> nn.Module:
    with seeded_weights(3):
        return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))


def loss(net: nn.Module, step: int) -> Tensor:
    x = torch.randn(16, 2, generator=keyed_generator(0, "x", step))
    return (net(x)[:, 0] - x.prod(dim=1)).square().mean()


def interrupted(
    settings: OptimiserSettings, at: int, saved: Saved | None = None, own: "OwnGoals | None" = None
) -> Saved:
    """What is kept of a training, perhaps with rounds, that ends after `at` steps."""
    of = loss if own is None else own.loss
    kept: list[Saved] = []

    def stop(state: TrainingState[Any]) -> None:
        if state.step == at:
            kept.append(copy.deepcopy(state.saved()))
            raise KilledError

    run = TrainingRun(0, saved=saved, on_step=stop)
    with pytest.raises(KilledError):
        train_network(network(), of, settings, run, rounds=own)
    return kept[0]


@pytest.mark.parametrize("stops", [[1], [37], [20, 21, 59]])
@pytest.mark.parametrize("settings", [SETTINGS, LONG], ids=["rows of one step", "of four"])
def test_interrupted_training_ends_with_the_same_bytes(
    settings: OptimiserSettings, stops: list[int]
) -> None:
    whole, history = train_network(network(), loss, settings, TrainingRun(0))
    saved = None
    for stop in stops:
        saved = interrupted(settings, stop, saved)
    resumed, rows = train_network(network(), loss, settings, TrainingRun(0, saved=saved))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert rows == history


class OwnGoals:
    """Rounds from step 20 on: twice what the averaged network says when one begins."""

    def __init__(self) -> None:
        self.network: nn.Module | None = None

    def begins(self, step: int) -> bool:
        return step in (20, 33, 50)

    def begin(self, network: nn.Module, step: int) -> None:
        self.network = copy.deepcopy(network)

    def loss(self, net: nn.Module, step: int) -> Tensor:
        if step < 20:
            return loss(net, step)
        assert self.network is not None
        x = torch.randn(16, 2, generator=keyed_generator(0, "x", step))
        return (net(x) - 2 * self.network(x).detach()).square().mean()


@pytest.mark.parametrize("stops", [[10], [20], [21], [40, 45, 59]])
def test_rounds_are_gone_on_with_from_their_beginning(stops: list[int]) -> None:
    """What a round learns from depends on the network then: a checkpoint within it is of then."""
    kept: Saved | None = None
    for at in stops:
        kept = interrupted(SETTINGS, at, kept, OwnGoals())
        assert kept[1]["step"] == (at if at <= 20 else max(k for k in (20, 33, 50) if k < at))

    def ended(saved: Saved | None) -> tuple[nn.Module, list[dict[str, float]]]:
        own, run = OwnGoals(), TrainingRun(0, saved=saved)
        return train_network(network(), own.loss, SETTINGS, run, rounds=own)

    (whole, history), (resumed, rows) = ended(None), ended(kept)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert rows == history


def test_the_rate_rises_linearly_and_falls_as_half_a_cosine() -> None:
    _, history = train_network(network(), loss, SETTINGS, TrainingRun(0))
    rates = [row["learning_rate"] / SETTINGS.learning_rate for row in history]
    assert rates == pytest.approx([rate_factor(SETTINGS, step) for step in range(60)])
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])  # a twentieth of the steps
    assert rates[3 + 57 // 2] == pytest.approx(0.5, abs=0.03)
    assert rates[-1] < 0.01


def test_diverged_training_ends_and_is_not_kept() -> None:
    kept = []

    def wild(net: nn.Module, step: int) -> Tensor:
        return loss(net, step) * (float("nan") if step > 40 else 1)

    run = TrainingRun(
        0, on_step=lambda state: kept.append((state.step, copy.deepcopy(state.saved())))
    )
    with pytest.raises(DivergedError, match=r"nan at step 42. Lower training.learning_rate"):
        train_network(network(), wild, SETTINGS, run)
    last, (tensors, _) = kept[-1]
    assert last == 41
    assert all(bool(value.isfinite().all()) for value in tensors.values())


def test_a_check_that_fails_ends_training_and_keeps_no_more_states() -> None:
    def check(step: int) -> None:
        if step > 30:
            raise DivergedError(f"too far at step {step}.")

    steps = []
    run = TrainingRun(0, on_step=lambda state: steps.append(state.step))
    with pytest.raises(DivergedError, match="too far at step 31"):
        train_network(network(), loss, SETTINGS, run, check=check)
    assert steps[-1] == 30


def test_weights_a_loss_does_not_depend_on_stay() -> None:
    """What the alternating games of two networks rely on."""
    before = network()
    frozen = before[0].weight.detach().clone()

    def of_last(net: nn.Module, step: int) -> Tensor:
        net[0].requires_grad_(False)
        return loss(net, step)

    after, _ = train_network(before, of_last, SETTINGS, TrainingRun(0))
    # An average of equal weights differs from them by rounding alone.
    torch.testing.assert_close(after[0].weight, frozen)
    assert not torch.equal(after[2].weight, network()[2].weight)


def test_steps_before_an_average_do_not_change_what_is_trained() -> None:
    """The average is of the weights, not in their place."""
    plain = SETTINGS.model_copy(update={"average_decay": 0.0})
    last: dict[str, Tensor] = {}

    def note(state: TrainingState[Any]) -> None:
        last.update({k: v.clone() for k, v in state.network.state_dict().items()})

    averaged, _ = train_network(network(), loss, plain, TrainingRun(0, on_step=note))
    for name, tensor in averaged.state_dict().items():
        torch.testing.assert_close(tensor, last[name])
