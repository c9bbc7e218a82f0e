"""Distance, coverage and memorisation over entropy."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from swflow.report.figures.common import (
    REAL_ROWS,
    REFERENCE,
    REGULARISATION,
    add_legend,
    draw_line,
    entropy_axis,
    model_colours,
    model_handles,
    passes_styles,
    plain_log_axis,
)
from swflow.report.names import titled
from swflow.report.tables import regularisation
from swflow.runtime.errors import InputError
from swflow.settings import TEST_SET

NEEDS = ("learned_entropies",)
CAPTION = (
    "What entropy does to samples at the end of the flow: their distance to real rows that "
    "nothing was fitted to over that of other real rows, coverage, and memorisation (A and S are "
    "½ for fresh data, A is 1 for copies, and far below ½ where samples lie off the data). Dashed: "
    "held-out real rows; bands: 95 % bootstrap intervals over samples, training rows and held-out "
    "rows."
)


def figure(metrics: pd.DataFrame) -> Figure:
    """SW over its floor, coverage and memorisation over ε, a line of panels for each flow.

    Raises InputError where no learned flow has two entropies.
    """
    table = regularisation.table(metrics)
    table = table[table["model"] != TEST_SET]
    flows = table.groupby(["dataset", "teacher"]).nunique()
    learned = flows[(flows["entropy"] > 1) & (flows["model"] > 1)]
    keys = [(str(dataset), str(teacher)) for dataset, teacher in learned.index]
    if not keys:
        raise InputError("metrics.csv holds no learned flow at two entropies; add one.")
    real = metrics[metrics["model"] == TEST_SET]
    null = real.groupby(["dataset", "metric"])["value"].mean().to_dict()
    figure, panels = plt.subplots(
        len(keys), 4, figsize=(15, 3.1 * len(keys) + 0.5), squeeze=False, layout="constrained"
    )
    shown = table.set_index(["dataset", "teacher"]).loc[keys]
    colours, styles = model_colours(metrics, shown["model"]), passes_styles(shown)
    for line, (dataset, teacher) in zip(panels, keys, strict=True):
        own = table[(table["dataset"] == dataset) & (table["teacher"] == teacher)]
        own = own.assign(ratio=own["sw_test"] / own["floor"])
        for axes, (column, label) in zip(line, REGULARISATION.items(), strict=True):
            for (model, passes), part in own.groupby(["model", "passes"]):
                style = {"ls": styles.get(passes, "-"), "marker": "o"}
                draw_line(axes, part["entropy"], part, column, colours[model], style)
            ideal = 1.0 if column == "ratio" else null[dataset, column]
            axes.axhline(ideal, **REFERENCE)
            axes.set(xlabel="entropy ε", ylabel=label, title=titled(dataset, teacher))
            entropy_axis(axes, own["entropy"])
        line[0].set_yscale("log")
        plain_log_axis(line[0], min(0.9, own["ratio"].min()), own["ratio"].max())
        line[1].set_ylim(0, 1.05)
        for axes in line[2:]:
            axes.set_ylim(0, 1)
    add_legend(figure, [*model_handles(colours, styles), REAL_ROWS])
    return figure
