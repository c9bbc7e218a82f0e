"""Learn sliced-Wasserstein flows: simulate the particle flow, and replace it by a network.

Names are imported when first used (PEP 562), so that `import swflow` does not import torch.
"""

import importlib
from typing import Any

_HOMES = {
    "random_directions": "swflow.sliced",
    "sliced_wasserstein": "swflow.sliced",
    "sliced_velocity": "swflow.sliced",
    "simulate": "swflow.flow",
    "Snapshot": "swflow.flow",
    "FlowSettings": "swflow.settings",
    "load": "swflow.models",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'swflow' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
