"""Figure of the experiment: difference of each arm from the reference with its interval, a panel for each group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"better": "#0072B2", "worse": "#D55E00", "equivalent": "#009E73"}
_OPEN = "#7F7F7F"  # undecided


def differences(content: Mapping[str, Any], reference: str) -> Figure:
    """Figure of the differences.

    Args:
        content: content of ``ablation.json``.
        reference: arm that the others are compared with.
    """
    from matplotlib.figure import Figure

    groups = list(content["labels"])
    names = [name for name in content["arms"] if name != reference]
    figure = Figure(figsize=(3.2 + 2.9 * len(groups), 1.2 + 0.27 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    margin = content["primary"]["margin"]
    for axes, group in zip(panels, groups, strict=True):
        axes.axvspan(-margin, margin, color="#e8eef5", linewidth=0)
        axes.axvline(0, color=_OPEN, linewidth=0.8)
        for place, name in enumerate(names):
            row = content["arms"][name]["against_reference"][group]
            if row["ci"] is None:
                continue
            colour = _COLOURS.get(row["word"], _OPEN)
            axes.plot(row["ci"], [place, place], color=colour, linewidth=1.6)
            axes.plot([row["difference"]], [place], marker="o", markersize=4, color=colour)
        axes.set_title(f"{group} labels", fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel(f"macro-AUROC, difference from {reference}", fontsize=7)
    panels[0].set_yticks(range(len(names)), names, fontsize=7)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    return figure
