"""Learn sliced-Wasserstein flows: simulate the particle flow, and replace it by a network.

Names are imported when first used (PEP 562), so that `import swflow` does not import torch.
"""

import importlib
from typing import Any

_HOMES = {
    "random_directions": "swflow.sliced.directions.dense",
    "local_directions": "swflow.sliced.directions.local",
    "sliced_wasserstein": "swflow.sliced.distances",
    "sliced_velocity": "swflow.sliced.drift",
    "simulate": "swflow.flow.integrator",
    "Snapshot": "swflow.flow.integrator",
    "FlowSettings": "swflow.settings",
    "load": "swflow.stages.loading",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'swflow' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
