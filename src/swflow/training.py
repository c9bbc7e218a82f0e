"""The shared training loop: schedule, averaged weights, history."""

import math
from collections.abc import Callable
from typing import TypeVar, cast

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from swflow.errors import InputError
from swflow.progress import progress
from swflow.settings import OptimiserSettings

HISTORY_ROWS = 200

Network = TypeVar("Network", bound=nn.Module)


def train_network(
    network: Network, loss: Callable[[Network, int], Tensor], settings: OptimiserSettings
) -> tuple[Network, pd.DataFrame]:
    """Minimise `loss(network, step)`, a scalar; return the averaged network and the history.

    The history has columns step, loss (mean since the last row) and learning_rate.
    Raises InputError where the loss becomes NaN or infinite: nothing usable was learned.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    schedule = LambdaLR(optimiser, lambda step: rate_factor(step, settings))
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.average_decay))
    device = next(network.parameters()).device.type
    every = max(1, settings.steps // HISTORY_ROWS)
    rows, losses = [], []
    bar = progress("train", range(settings.steps))
    for step in bar:
        with torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            value = loss(network, step)
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
        rate = schedule.get_last_lr()[0]
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        losses.append(value.detach())
        if (step + 1) % every == 0 or step + 1 == settings.steps:
            mean = torch.stack(losses).mean().item()
            _check_finite(mean, step)
            rows.append({"step": step + 1, "loss": mean, "learning_rate": rate})
            bar.set_postfix_str(f"loss {mean:.4g}", refresh=False)
            losses.clear()
    return cast(Network, averaged.module), pd.DataFrame(rows)


def rate_factor(step: int, settings: OptimiserSettings) -> float:
    """Part of the learning rate at a step: rises linearly, then falls as half a cosine."""
    rising = max(1, round(settings.warmup * settings.steps))
    falling = max(1, settings.steps - rising)
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / falling)) / 2


def _check_finite(loss: float, step: int) -> None:
    if not torch.isfinite(torch.tensor(loss)):
        raise InputError(
            f"the loss is {loss} at step {step + 1}: training diverged and no model was written. "
            "Lower training.learning_rate."
        )
