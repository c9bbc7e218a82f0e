"""What all settings share: frozen, no unknown keys, canonical JSON."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


def check_once(name: str, values: Sequence[Any]) -> None:
    """Raise ValueError where a value of a list appears twice."""
    if len(set(values)) < len(values):
        raise ValueError(f"{name} = {list(values)}: each may appear once.")


class Settings(BaseModel):
    """Immutable settings. Unknown keys, infinities and NaN are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    def canonical(self) -> str:
        """JSON that is equal for equal settings: all defaults filled, keys sorted."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


class Kind(Settings):
    """Settings of one kind among several.

    home: the code that does what they say, `module:name`; it is imported only when used.
    for_images: whether it needs rows that are images.
    """

    kind: str
    home: ClassVar[str]
    for_images: ClassVar[bool] = False
