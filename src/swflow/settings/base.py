"""What all settings share: frozen, no unknown keys, canonical JSON."""

import json
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Immutable settings. Unknown keys, infinities and NaN are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    def canonical(self) -> str:
        """JSON that is equal for equal settings: all defaults filled, keys sorted."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


class Kind(Settings):
    """Settings of one kind among several.

    home: the code that does what they say, `module:name`; it is imported only when used.
    """

    kind: str
    home: ClassVar[str]
