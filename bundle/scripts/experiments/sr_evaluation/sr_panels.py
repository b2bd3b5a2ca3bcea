"""Figure of an enhancer: input, interpolation, result, truth, error, and deviation over the noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...report.figures import TITLE
from .sr_scores import RegionExample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 2.1  # inches
_PERCENTILE = 98  # of the errors, for the colour range; with the border of a film in it, most errors would appear white


def panel(name: str, examples: Sequence[RegionExample]) -> Figure:
    """Figure with a row for each example.

    Args:
        name: name of the enhancer.
        examples: at least one example. All have a deviation over the noise, or none has.
    """
    from matplotlib.figure import Figure

    titles = ["input", "bicubic", name, "truth", f"{name} − truth"]
    if examples[0].deviation is not None:
        titles.append("deviation over seeds")
    columns = len(titles)
    figure = Figure(
        figsize=(_SIDE * columns + 0.6, _SIDE * len(examples) + 0.4), layout="constrained", facecolor="white"
    )
    grid = figure.subplots(len(examples), columns, squeeze=False)
    for axes, example in zip(grid, examples, strict=True):
        _draw_row(list(axes), example)
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=TITLE)
    return figure


def _draw_row(axes: list[Axes], example: RegionExample) -> None:
    """Draw one example; all of its images have the same grey scale."""
    truth = example.truth[0].numpy()
    low, high = float(truth.min()), float(truth.max())
    for ax, image in zip(axes[:4], (example.low_res, example.bicubic, example.enhanced, example.truth), strict=True):
        ax.imshow(image[0].numpy(), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    error = example.enhanced[0].numpy() - truth
    largest = max(float(np.percentile(np.abs(error), _PERCENTILE)), 1e-6)
    _show_map(axes[4], error, "RdBu_r", -largest, largest)
    if example.deviation is not None:
        deviation = example.deviation[0].numpy()
        _show_map(axes[5], deviation, "magma", 0, max(float(deviation.max()), 1e-6))
    for ax in axes:
        ax.set_axis_off()


def _show_map(axes: Axes, values: np.ndarray, colours: str, low: float, high: float) -> None:
    """Draw values with a colour bar."""
    shown = axes.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    axes.figure.colorbar(shown, ax=axes, fraction=0.046, pad=0.02).ax.tick_params(labelsize=6)
