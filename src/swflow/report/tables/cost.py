"""Seconds and bytes of every way to draw samples."""

import pandas as pd

from swflow.metrics.names import CARRIED, SHARED
from swflow.report.tables.common import FLOW, means
from swflow.settings import PARTICLES, TEST_SET

NEEDS = ()
CAPTION = (
    "What it takes to draw more samples at the end of the flow, and how good so few are (``sw "
    "few``, to a run of all particles). The flow can serve new samples in three ways: a run of "
    "its own for them (``particles``), fresh points carried through a run of all particles "
    "(``particles, carried``), or the particles of such a run handed out (``particles, shared``, "
    "until none is left). ``faster than …`` compares with each. ``stored bytes`` is what must be "
    "kept, at the lowest precision that leaves distances unchanged (data: 256 levels where "
    "they suffice; networks: half precision); ``break even rows`` how many data rows take as "
    "many bytes; ``working set bytes`` the memory of the run, or of drawing the stored samples, "
    "beyond what was in use before it. Of latents, seconds are those of decoded images, and both "
    "ways need ``decoder bytes`` on top; ``image bytes``: the images themselves in 256 levels; "
    "``break even images`` of them take as many bytes as the network."
)
# Prefixes of metrics of the ways in which a stored run serves samples, and their rows here.
COMMON = ("simulate_seconds", "stored_bytes", "working_set_bytes", "decoder_bytes", "image_bytes")
WAYS = {"": PARTICLES, CARRIED: f"{PARTICLES}, carried", SHARED: f"{PARTICLES}, shared"}


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Seconds and bytes of every way to draw samples, and SW of so few samples to the flow.

    Rows `particles`: a run of its own for the samples; `carried`: fresh points carried through a
    run of all particles; `shared`: the particles of such a run, handed out. faster_than_…: over
    each of these.
    """
    names = [
        *("simulate_seconds", "train_seconds", "seconds_per_1000", "sw_few", "evaluations"),
        *("stored_bytes", "break_even_rows", "working_set_bytes"),
    ]
    if "decoder_bytes" in set(metrics["metric"]):
        names += ["decoder_bytes", "image_bytes", "break_even_images"]
    drawn = metrics[metrics["metric"].str.endswith(tuple(names)) & (metrics["model"] != TEST_SET)]
    table = means(_as_rows(drawn), names)
    for way in WAYS.values():
        own = table[table["model"] == way].set_index(FLOW)["seconds_per_1000"]
        reference = own.reindex(pd.MultiIndex.from_frame(table[FLOW])).to_numpy()
        name = "faster_than_" + way.replace(", ", "_")
        table[name] = reference / table["seconds_per_1000"]
    return table


def _as_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Metrics of the stored run (with a prefix) as rows of their own, with what is common."""
    parts = []
    for prefix, row in WAYS.items():
        if not prefix:
            other = metrics["metric"].str.startswith((CARRIED, SHARED))
            parts.append(metrics[~other])
            continue
        own = metrics[metrics["metric"].str.startswith(prefix)]
        common = metrics[(metrics["model"] == PARTICLES) & metrics["metric"].isin(COMMON)]
        own = own.assign(metric=own["metric"].str.removeprefix(prefix))
        parts.append(pd.concat([own, common]).assign(model=row))
    return pd.concat(parts)
