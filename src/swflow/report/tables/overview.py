"""Each model over all times and entropies: those learned from, and the others."""

import numpy as np
import pandas as pd

from swflow.report.tables import fidelity, memorisation
from swflow.report.tables.common import ROW, mean_std
from swflow.settings import PARTICLES, TEST_SET

NEEDS = ("learned_flows",)
CAPTION = (
    "Each model over all times and entropies of its flow: those it learned from and those it "
    "did not (``learned``). ``ratio``: SW₂ to a reference run over the floor, mean over points ± "
    "deviation over seeds; ``worst …``: at the worst point."
)


def table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Each model over all times and entropies that it learned from, and over the others.

    learned: which of time and entropy the rows were learned from; points: how many there are. Of
    each measure of the fidelity table the mean over points, ± its deviation over seeds, and
    worst_…: the worst point. uvp_beyond: uvp over repeatability, in points; copies: at how many
    points a limit of memorisation is passed where the flow's own is not. train_seconds: spent.
    """
    table = fidelity.table(metrics).merge(_copies(metrics), on=[*ROW, "time"], how="left")
    table["uvp_beyond"] = table["uvp"] - table["repeatability"]
    table["learned"] = _what_was_learned(table)
    seeds = _ratios_of_seeds(metrics).merge(table[[*ROW, "time", "learned"]])
    keys = ["dataset", "teacher", "model", "passes", "learned"]
    ratios = {tuple(key): of.groupby("seed")["ratio"].mean() for key, of in seeds.groupby(keys)}
    seconds = metrics[metrics["metric"] == "train_seconds"].groupby(keys[:3])["value"].mean()
    rows = []
    for key, group in table.groupby(keys):
        row = dict(zip(keys, key, strict=True)) | {"points": len(group)}
        row |= mean_std("ratio", ratios[tuple(key)])
        for name in ("ratio", "quasi", "interpolated", "excess", "c2st_difference", "uvp_beyond"):
            row[f"worst_{name}"] = group[name].max()
        row["copies"] = int(group["copies"].sum())
        row |= {"excess": group["excess"].mean(), "defect": group["defect"].mean()}
        rows.append(row | {"train_seconds": seconds.get(tuple(key)[:3], np.nan)})
    return pd.DataFrame(rows)


def _copies(metrics: pd.DataFrame) -> pd.DataFrame:
    """Where a model's memorisation is beyond the limit and its flow's is not."""
    table, passing = memorisation.table(metrics), memorisation.PASSING.items()
    own, flows = (
        pd.concat([table[prefix + name] > most for name, most in passing], axis=1).any(axis=1)
        for prefix in ("", "flow_")
    )
    return table[[*ROW, "time"]].assign(copies=own & ~flows)


def _what_was_learned(table: pd.DataFrame) -> pd.Series:
    """Whether the time, the entropy, both or neither of each row were learned from."""
    found = {}
    for name in ("time", "entropy"):
        keys = ["dataset", "teacher", "model", name]
        found[name] = table.groupby(keys)["trained"].transform("any")
    both, neither = found["time"] & found["entropy"], ~found["time"] & ~found["entropy"]
    one = found["time"].map({True: "time", False: "entropy"})
    return one.mask(both, "both").mask(neither, "neither")


def _ratios_of_seeds(metrics: pd.DataFrame) -> pd.DataFrame:
    """The ratio to the floor of each seed, at every entropy and time."""
    own = metrics[(metrics["metric"] == "sw2") & ~metrics["model"].isin([PARTICLES, TEST_SET])]
    return own.assign(ratio=np.sqrt(own["value"] / own["floor"]))[[*ROW, "time", "seed", "ratio"]]
