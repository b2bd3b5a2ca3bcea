"""Figure of images with the outline of a finding and the maps of all methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...report.figures import BOX_COLOUR, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 2.0  # inches


@dataclass(frozen=True)
class MapExample:
    """One finding of one image.

    Attributes:
        label: name of the label.
        probability: probability of the label by the network.
        picture: image (R, C) in [0, 1].
        truth: mask (R, C) of the finding.
        maps: map (R, C) of each method, non-negative.
    """

    label: str
    probability: float
    picture: np.ndarray
    truth: np.ndarray
    maps: Mapping[str, np.ndarray]


def panel(examples: Sequence[MapExample]) -> Figure:
    """Figure with a row for each example: the image with the outline of the finding, then the maps with their peaks.

    Args:
        examples: at least one example; all have the same methods.
    """
    from matplotlib.figure import Figure

    methods = list(examples[0].maps)
    size = (_SIDE * (len(methods) + 1), _SIDE * len(examples) + 0.3)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    grid = figure.subplots(len(examples), len(methods) + 1, squeeze=False)
    for axes, example in zip(grid, examples, strict=True):
        _show(axes[0], example, None)
        axes[0].set_title(f"{example.label}, p = {example.probability:.2f}", fontsize=TITLE - 2)
        for ax, method in zip(axes[1:], methods, strict=True):
            _show(ax, example, example.maps[method])
    for ax, method in zip(grid[0][1:], methods, strict=True):
        ax.set_title(method, fontsize=TITLE)
    return figure


def _show(axes: Axes, example: MapExample, values: np.ndarray | None) -> None:
    """Draw the image, the map over it if there is one, and the outline of the finding."""
    axes.imshow(example.picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    if values is not None:
        scaled = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
        axes.imshow(scaled, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * scaled)
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        axes.plot(column, row, marker="+", color="white", markersize=7)
    # The mask is padded, so that a finding at the edge of the picture has a closed outline.
    axes.contour(
        np.arange(-1, example.truth.shape[1] + 1), np.arange(-1, example.truth.shape[0] + 1),
        np.pad(example.truth, 1).astype(float), levels=[0.5], colors=BOX_COLOUR, linewidths=1.0,
    )  # fmt: skip
    axes.set_axis_off()
