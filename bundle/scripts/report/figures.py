"""What all figures share: an empty canvas in the report's style, colours, and saving.

Matplotlib's object interface: no pyplot, no display, no state between calls.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..common.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe–Ito colours, told apart by readers with any colour vision; the line style says it a second time.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": "--"},
    {"color": "#009E73", "linestyle": "-."},
    {"color": "#7F7F7F", "linestyle": ":"},
    {"color": "#CC79A7", "linestyle": (0, (5, 1))},
)
BOX_COLOUR = "#56E0FF"
GREY = "#8a8f98"
TITLE = 9  # points

T = TypeVar("T")


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """An empty figure in the report's style.

    Args:
        rows: of panels.
        columns: of panels.
        size: width and height in inches.

    Returns:
        The figure and its panels, row by row.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7)
        ax.xaxis.label.set_fontsize(8)
        ax.yaxis.label.set_fontsize(8)
    return figure, axes


def styled(series: Mapping[str, T]) -> Iterator[tuple[str, T, dict[str, Any]]]:
    """Name, values and style of each series; after the last style the first comes again, so that none is left out."""
    for index, (name, values) in enumerate(series.items()):
        yield name, values, STYLES[index % len(STYLES)]


def save_png(figure: Figure, path: str | Path, dpi: int = 110) -> Path:
    """Write a figure atomically, without the software's name and date, so that equal figures are equal files.

    Args:
        figure: to write.
        path: of the PNG.
        dpi: pixels per inch.
    """
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return Path(path)


def svg_uri(figure: Figure) -> str:
    """A figure as ``data:`` URI for ``<img src>``: sharp at any size and in print.

    Args:
        figure: of lines and text; photographs belong in PNG.
    """
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cxr-attention-sr"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def png_uri(path: str | Path) -> str:
    """A PNG file as ``data:`` URI.

    Args:
        path: of the file.
    """
    return f"data:image/png;base64,{base64.b64encode(Path(path).read_bytes()).decode()}"
