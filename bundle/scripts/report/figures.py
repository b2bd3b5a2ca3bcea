"""Common parts of all figures: an empty canvas in the style of the report, colours, and saving.

The object interface of matplotlib is used instead of pyplot, so that no display and no global state is needed.
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

# Okabe–Ito colours, which readers with any colour vision can distinguish; the line styles differ as well.
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
_LONGEST = 32  # characters of a name in a figure

T = TypeVar("T")


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Empty figure in the style of the report.

    Args:
        rows: number of rows of panels.
        columns: number of columns of panels.
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
    """Name, values and style of each series; styles repeat if there are more series."""
    for index, (name, values) in enumerate(series.items()):
        yield name, values, STYLES[index % len(STYLES)]


def plain_text(name: str) -> str:
    """Name for a figure: no formula, whatever dollar signs it has, and short enough for its panel."""
    return (name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…").replace("$", r"\$")


def save_png(figure: Figure, path: str | Path, dpi: int = 110) -> Path:
    """Write a figure as PNG, atomically and without metadata, so that equal figures give equal files.

    Args:
        figure: figure to write.
        path: path of the PNG file, which is returned.
        dpi: resolution in pixels per inch.
    """
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return Path(path)


def svg_uri(figure: Figure) -> str:
    """``data:`` URI of a figure as SVG, which is sharp at any size and in print.

    Args:
        figure: figure of lines and text; :func:`picture_uri` is for photographs.
    """
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cxr-attention-sr"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def picture_uri(path: str | Path) -> str:
    """``data:`` URI of a PNG or JPEG file."""
    kind = "png" if Path(path).suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(Path(path).read_bytes()).decode()}"
