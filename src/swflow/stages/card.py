"""A model's card: what it is, of which data, and how to draw from it, as a README of its folder."""

from collections.abc import Sequence

from swflow.flow.trajectory import Trajectory
from swflow.models.sampler import Model
from swflow.models.spec import listed
from swflow.representation.dataset import Dataset
from swflow.runtime.provenance import versions

UNKNOWN = "not said"


def card(model: Model, dataset: Dataset, runs: Sequence[Trajectory], seed: int) -> str:
    """Markdown: kind, data with licence, flow, what can be asked for, and a command."""
    spec, said = model.spec, dataset.attributes
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    rows = {
        "what": f"a `{model.kind}`: {_first_line(model)}",
        "data": f"`{dataset.name}`, {dataset.size('train'):,} training rows of shape "
        f"{spec.units.data_shape}; from {said.get('source', UNKNOWN)}",
        "licence of the data": said.get("licence", UNKNOWN),
        **_of_flow(runs),
        "times": listed(spec.times) if spec.times else "none",
        "entropies": listed(spec.entropies) if spec.entropies else "none",
        "classes": listed(spec.labels) if spec.labels else "none",
        "seed": seed,
        "made with": made,
    }
    lines = [f"| {name} | {text} |" for name, text in rows.items()]
    draw = "complete(images)" if spec.known is not None else "sample(16)"
    return "\n".join(
        [
            f"# {model.kind} of {dataset.name}",
            "",
            *("| | |", "|:--|:--|", *lines),
            "",
            "```python",
            *("import swflow", "", 'model = swflow.load("this folder")', f"x = model.{draw}"),
            "```",
            "",
            "Nothing in this folder is executed when it is loaded. Settings: settings.json.",
            "How good its samples are, beside floors, is in the tables of the study that made it.",
            "",
        ]
    )


def _of_flow(runs: Sequence[Trajectory]) -> dict[str, object]:
    if not runs:
        return {"learned from": "the data alone"}
    first = runs[0].settings
    parts = [
        f"{first.n_particles:,} particles to τ = {runs[0].time[-1]:g}",
        f"{first.n_directions} {first.directions.kind} directions a step",
        "class by class" if first.labels else "all classes together",
    ]
    if first.known is not None:
        parts.append(f"known pixels: {first.known.model_dump()}")
    return {"learned from": f"a sliced-Wasserstein flow, {', '.join(parts)}"}


def _first_line(model: Model) -> str:
    return (type(model).__doc__ or "").strip().splitlines()[0]
