"""Settings: frozen, checked, and one canonical JSON however they are spelled."""

import pydantic
import pytest

from swflow.settings import (
    FlowFamily,
    FlowSettings,
    SimulationSettings,
    SourceSettings,
)


def test_python_users_get_a_value_error() -> None:
    with pytest.raises(ValueError, match="n_directions"):
        FlowSettings(horizon=1, n_directions=0)


def test_settings_are_frozen() -> None:
    settings = FlowSettings(horizon=1)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.horizon = 2.0  # type: ignore[misc]


def test_canonical_json_ignores_order_and_spelling_of_numbers() -> None:
    first = FlowFamily.model_validate({"horizon": 2, "step": 0.5, "source": "uniform"})
    second = FlowFamily.model_validate(
        {
            "source": {"law": "uniform"},
            "step": {"initial": 0.5, "growth": 0, "max": 0.5},
            "horizon": 2.0,
        }
    )
    assert first.canonical() == second.canonical()
    assert first.at(0).canonical() == second.at(0.0).canonical()


def test_a_number_with_exponent_is_read_as_users_write_it() -> None:
    """YAML reads 1e-1 as a string."""
    assert FlowFamily.model_validate({"horizon": 1, "step": "1e-1"}).step.max == 0.1


def test_family_gives_one_simulation_for_each_entropy() -> None:
    family = FlowFamily(times=(1.0, 2.0), n_particles=7, entropies=(0.0, 0.5), step={"max": 2})
    one = family.at(0.5)
    assert isinstance(one, SimulationSettings)
    assert (one.entropy, one.n_particles, one.times) == (0.5, 7, (1.0, 2.0))
    assert one.source == SourceSettings()
