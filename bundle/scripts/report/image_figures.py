"""Figures of a radiograph with its attention map and regions, and of a region before and after enhancement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .figures import BOX_COLOUR, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[int, int, int, int]


def attention_overlay(
    image: np.ndarray,
    attention_map: np.ndarray,
    boxes: Sequence[Box] = (),
    labels: Sequence[str | None] | None = None,
) -> Figure:
    """Figure of the radiograph without and with the attention map and the regions.

    Args:
        image: image (H, W) in [0, 1].
        attention_map: map (H, W) in source pixels, non-negative.
        boxes: half-open boxes (row0, col0, row1, col1) in source pixels.
        labels: name written beside each box; ``None`` for no name.
    """
    figure, (plain, overlaid) = new_figure(1, 2, (7, 3.7))
    _show(plain, image, "radiograph")
    _overlay(overlaid, image, attention_map, boxes, labels)
    return figure


def crop_panel(
    image: np.ndarray,
    attention_map: np.ndarray,
    boxes: Sequence[Box],
    crops: Mapping[str, np.ndarray],
    labels: Sequence[str | None] | None = None,
) -> Figure:
    """Figure of the radiograph, the overlay with the boxes, versions of a crop, and the last less the first version.

    Args:
        image: image (H, W) in [0, 1].
        attention_map: map (H, W) in source pixels, non-negative.
        boxes: half-open boxes (row0, col0, row1, col1) in source pixels; the first one is drawn bold.
        crops: versions (h, w) of the crop in [0, 1] by title, all of one size.
        labels: name written beside each box; ``None`` for no name.

    Raises:
        ValueError: the crops differ in size; a difference would then include the error of resampling.
    """
    titles, versions = list(crops), list(crops.values())
    if len({crop.shape for crop in versions}) != 1:
        raise ValueError(f"crop_panel: expected crops of one size, found {[crop.shape for crop in versions]}")
    figure, axes = new_figure(1, 3 + len(crops), (2.6 * (3 + len(crops)), 2.9))
    _show(axes[0], image, "radiograph")
    _overlay(axes[1], image, attention_map, boxes, labels)
    limits = (float(min(crop.min() for crop in versions)), float(max(crop.max() for crop in versions)))
    for panel, title, crop in zip(axes[2:-1], titles, versions, strict=True):
        _show(panel, crop, title, limits)
    difference = versions[-1].astype(np.float64) - versions[0]
    largest = max(float(np.abs(difference).max()), 1e-6)
    shown = axes[-1].imshow(difference, cmap="RdBu_r", vmin=-largest, vmax=largest)
    figure.colorbar(shown, ax=axes[-1], fraction=0.046, pad=0.02).ax.tick_params(labelsize=6)
    axes[-1].set_title(f"{titles[-1]} − {titles[0]}", fontsize=TITLE)
    axes[-1].set_axis_off()
    return figure


def _show(axes: Axes, image: np.ndarray, title: str, limits: tuple[float, float] = (0.0, 1.0)) -> None:
    axes.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1], interpolation="nearest")
    axes.set_title(title, fontsize=TITLE)
    axes.set_axis_off()


def _overlay(
    axes: Axes,
    image: np.ndarray,
    attention_map: np.ndarray,
    boxes: Sequence[Box],
    labels: Sequence[str | None] | None,
) -> None:
    from matplotlib.patches import Rectangle

    if attention_map.shape != image.shape:
        raise ValueError(
            f"attention_map: expected the size of the image, {image.shape}, found {attention_map.shape}; "
            "map it to source pixels"
        )
    _show(axes, image, "attention and regions")
    low, high = float(attention_map.min()), float(attention_map.max())
    scaled = (attention_map - low) / max(high - low, 1e-12)
    # The opacity is proportional to the attention, so that the radiograph stays visible elsewhere.
    axes.imshow(scaled, cmap="inferno", vmin=0, vmax=1, alpha=0.65 * scaled)
    names = labels or [None] * len(boxes)
    for i, ((row0, col0, row1, col1), name) in enumerate(zip(boxes, names, strict=True)):
        width = 2.0 if i == 0 else 1.0
        box = Rectangle((col0 - 0.5, row0 - 0.5), col1 - col0, row1 - row0, fill=False, ec=BOX_COLOUR, lw=width)
        axes.add_patch(box)
        if name is not None:
            # Above the box, or below a box at the upper edge; a text near the right edge ends at its box.
            above, right = row0 > 0.06 * image.shape[0], col0 > 0.6 * image.shape[1]
            axes.text(
                col1 if right else col0,
                row0 - 0.5 if above else row1 - 0.5,
                name,
                color=BOX_COLOUR,
                fontsize=TITLE - 2,
                bbox={"facecolor": "black", "alpha": 0.5, "pad": 0.5, "linewidth": 0},
                ha="right" if right else "left",
                va="bottom" if above else "top",
                parse_math=False,  # a name may contain a dollar sign
            )
