"""Figures of the paper's Fig. 2–4: the map, the extracted map, the overlay with the regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.atomic import atomic_write

FIGURE_PIXELS = 768


def save_overlay(
    path: str | Path, image: np.ndarray, attention: np.ndarray, boxes: Sequence[Sequence[int]] = (), note: str = ""
) -> None:
    """Write a PNG with three panels: radiograph with regions, attention map, attention over the radiograph.

    Args:
        path: file to write.
        image: (H, W) in [0, 1].
        attention: (H, W) in source pixels, any non-negative scale.
        boxes: (row0, col0, row1, col1) each, half-open.
        note: line below the panels, for example that the data are synthetic.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    step = max(1, max(image.shape) // FIGURE_PIXELS)
    small, heat = image[::step, ::step], normalise(attention)[::step, ::step]
    figure = Figure(figsize=(11, 4.1), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    panels[0].imshow(small, cmap="gray", vmin=0, vmax=1)
    panels[1].imshow(heat, cmap="inferno", vmin=0, vmax=1)
    panels[2].imshow(small, cmap="gray", vmin=0, vmax=1)
    panels[2].imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.45)
    for panel, title in zip(panels, ("regions", "last-layer CLS attention", "overlay"), strict=True):
        panel.set_title(title, fontsize=10)
        panel.axis("off")
    for row0, col0, row1, col1 in boxes:
        corner, width, height = (col0 / step, row0 / step), (col1 - col0) / step, (row1 - row0) / step
        for panel in (panels[0], panels[2]):
            panel.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="#00d5ff", linewidth=1.4))
    if note:
        figure.text(0.5, 0.02, note, ha="center", fontsize=9, color="#a00000")
    figure.tight_layout(rect=(0, 0.04 if note else 0, 1, 1))
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def normalise(attention: np.ndarray) -> np.ndarray:
    """Map to [0, 1]; a constant or non-finite map becomes 0."""
    clean = np.nan_to_num(attention, nan=0.0, posinf=0.0, neginf=0.0)
    spread = clean.max() - clean.min()
    return (clean - clean.min()) / spread if spread > 0 else np.zeros_like(clean)
