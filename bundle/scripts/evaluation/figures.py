"""Figures from plain arrays with matplotlib's object interface: no pyplot, no display, no state between calls."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..data.atomic import atomic_write
from .curves import precision_recall_curve, roc_curve
from .metrics import annotated, auroc, average_precision

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

Box = tuple[int, int, int, int]
T = TypeVar("T")


def styled(series: Mapping[str, T]) -> Iterator[tuple[str, T, dict[str, Any]]]:
    """Name, values and style of each series; after the last style the first comes again, so that none is left out."""
    for index, (name, values) in enumerate(series.items()):
        yield name, values, STYLES[index % len(STYLES)]


def loss_curves(histories: Mapping[str, Mapping[str, Sequence[float | None]]]) -> Figure:
    """Training over the epochs: loss, validation macro-AUROC, validation accuracy beside its all-negative baseline.

    Args:
        histories: model name -> columns of ``history.csv`` (``epoch``, ``train_loss``, ``val_loss``,
            ``val_macro_auroc``, ``val_accuracy``, ``val_accuracy_all_negative``); None leaves a gap.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (losses, aurocs, accuracies) = new_figure(1, 3, (10.5, 3.1))
    for name, columns, style in styled(histories):
        epoch = _numbers(columns["epoch"])
        colour = style["color"]
        losses.plot(epoch, _numbers(columns["train_loss"]), color=colour, linestyle=":", label=f"{name}, training")
        losses.plot(epoch, _numbers(columns["val_loss"]), color=colour, marker=".", label=f"{name}, validation")
        aurocs.plot(epoch, _numbers(columns["val_macro_auroc"]), marker=".", label=name, **style)
        accuracies.plot(epoch, _numbers(columns["val_accuracy"]), marker=".", label=name, **style)
        accuracies.plot(
            epoch, _numbers(columns["val_accuracy_all_negative"]), color=colour, linewidth=0.8, linestyle=":",
            label=f"all negative, {name}",
        )  # fmt: skip
    for axes, title in ((losses, "Loss"), (aurocs, "Validation macro-AUROC"), (accuracies, "Validation accuracy")):
        axes.set_title(title, fontsize=TITLE)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=7, frameon=False)
    return figure


def roc_curves(labels: Sequence[str], targets: np.ndarray, probabilities: Mapping[str, np.ndarray]) -> Figure:
    """ROC curve of each label, all models in one panel.

    Args:
        labels: C names.
        targets: (N, C); 1, 0, NaN, -1.
        probabilities: model name -> (N, C).
    """

    def draw(axes: Axes, i: int) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        known = annotated(targets[:, i])
        for name, values, style in styled(probabilities):
            x, y, _ = roc_curve(targets[known, i] == 1, values[known, i])
            axes.plot(x, y, label=f"{name} {auroc(targets[:, i], values[:, i]):.3f}", **style)

    return label_grid(labels, targets, draw, "1 − specificity", "sensitivity", "lower right")


def precision_recall_curves(
    labels: Sequence[str], targets: np.ndarray, probabilities: Mapping[str, np.ndarray]
) -> Figure:
    """Precision–recall curve of each label; the grey line is the prevalence, which chance reaches.

    Args:
        labels: C names.
        targets: (N, C); 1, 0, NaN, -1.
        probabilities: model name -> (N, C).
    """

    def draw(axes: Axes, i: int) -> None:
        known = annotated(targets[:, i])
        positive = targets[known, i] == 1
        axes.axhline(positive.mean(), color=GREY, linewidth=0.8)
        for name, values, style in styled(probabilities):
            precision, recall, _ = precision_recall_curve(positive, values[known, i])
            label = f"{name} {average_precision(targets[:, i], values[:, i]):.3f}"
            axes.step(recall, precision, where="pre", label=label, **style)

    return label_grid(labels, targets, draw, "recall (sensitivity)", "precision", "upper right")


def class_bars(counts: Mapping[str, int]) -> Figure:
    """Bars of the positive images per label, the most frequent on top.

    Args:
        counts: label -> positive images.
    """
    figure, (axes,) = new_figure(1, 1, (7.5, 0.7 + 0.22 * max(3, len(counts))))
    names = sorted(counts, key=lambda name: counts[name])
    bars = axes.barh(names, [counts[name] for name in names], color=STYLES[0]["color"], height=0.7)
    axes.bar_label(bars, padding=3, fontsize=7)
    axes.set_xlabel("positive images")
    axes.margins(x=0.08)
    return figure


def fidelity_histogram(values: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """Histogram of PSNR or SSIM over images.

    Args:
        values: what was compared with what -> finite values.
        xlabel: metric and unit.
    """
    figure, (axes,) = new_figure(1, 1, (5.1, 3.0))
    everything = np.concatenate([np.asarray(v, dtype=np.float64) for v in values.values()])
    bins = np.histogram_bin_edges(everything, bins=24).tolist()
    for name, numbers, style in styled(values):
        axes.hist(numbers, bins, histtype="stepfilled", facecolor=style["color"], alpha=0.25)
        axes.hist(numbers, bins, histtype="step", color=style["color"], linestyle=style["linestyle"], label=name)
    axes.set_xlabel(xlabel)
    axes.set_ylabel("images")
    figure.legend(loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    return figure


def attention_overlay(image: np.ndarray, attention_map: np.ndarray, boxes: Sequence[Box] = ()) -> Figure:
    """The radiograph beside itself under the attention map and the regions.

    Args:
        image: (H, W) in [0, 1].
        attention_map: (H, W) in source pixels, any non-negative scale.
        boxes: half-open (row0, col0, row1, col1).
    """
    figure, (plain, overlaid) = new_figure(1, 2, (7, 3.7))
    _show(plain, image, "radiograph")
    _overlay(overlaid, image, attention_map, boxes, "attention and regions")
    return figure


def crop_panel(
    image: np.ndarray,
    attention_map: np.ndarray,
    boxes: Sequence[Box],
    crops: Mapping[str, np.ndarray],
) -> Figure:
    """Radiograph, overlay with boxes (the first one bold), versions of its crop, and the last less the first of them.

    Args:
        image: (H, W) in [0, 1].
        attention_map: (H, W), any non-negative scale.
        boxes: half-open (row0, col0, row1, col1) in source pixels.
        crops: title -> (h, w) in [0, 1], all of one size.

    Raises:
        ValueError: when the crops differ in size, because the difference would then be one of resampling.
    """
    titles, versions = list(crops), list(crops.values())
    if len({crop.shape for crop in versions}) != 1:
        raise ValueError(f"crop_panel: expected crops of one size, found {[crop.shape for crop in versions]}")
    figure, axes = new_figure(1, 3 + len(crops), (2.6 * (3 + len(crops)), 2.9))
    _show(axes[0], image, "radiograph")
    _overlay(axes[1], image, attention_map, boxes, "attention and regions")
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


def label_grid(
    labels: Sequence[str], targets: np.ndarray, draw: Callable[[Axes, int], None], x: str, y: str, legend: Any
) -> Figure:
    """One square panel from 0 to 1 per label; a label of one class says so.

    Args:
        labels: C names.
        targets: (N, C); 1, 0, NaN, -1.
        draw: fills the panel of a label by its number.
        x: name of the axis.
        y: name of the axis.
        legend: its place.
    """
    columns = min(4, len(labels))
    rows = math.ceil(len(labels) / columns)
    figure, axes = new_figure(rows, columns, (2.6 * columns + 0.3, 2.5 * rows + 0.3))
    for i, ax in enumerate(axes):
        if i >= len(labels):
            ax.set_axis_off()
            continue
        ax.set_title(labels[i], fontsize=TITLE)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        if {0.0, 1.0} <= set(targets[:, i].tolist()):
            draw(ax, i)
            ax.legend(loc=legend, fontsize=6, frameon=False)
        else:
            ax.text(0.5, 0.5, "one class only", ha="center", va="center", color=GREY, fontsize=8)
    figure.supxlabel(x, fontsize=8)
    figure.supylabel(y, fontsize=8)
    return figure


def _show(axes: Axes, image: np.ndarray, title: str, limits: tuple[float, float] = (0.0, 1.0)) -> None:
    axes.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1], interpolation="nearest")
    axes.set_title(title, fontsize=TITLE)
    axes.set_axis_off()


def _overlay(axes: Axes, image: np.ndarray, attention_map: np.ndarray, boxes: Sequence[Box], title: str) -> None:
    from matplotlib.patches import Rectangle

    if attention_map.shape != image.shape:
        raise ValueError(
            f"attention_map: expected the size of the image, {image.shape}, found {attention_map.shape}; "
            "map it to source pixels"
        )
    _show(axes, image, title)
    low, high = float(attention_map.min()), float(attention_map.max())
    scaled = (attention_map - low) / max(high - low, 1e-12)
    # Opacity follows attention: where the model did not look, the radiograph stays readable.
    axes.imshow(scaled, cmap="inferno", vmin=0, vmax=1, alpha=0.65 * scaled)
    for i, (row0, col0, row1, col1) in enumerate(boxes):
        width = 2.0 if i == 0 else 1.0
        box = Rectangle((col0 - 0.5, row0 - 0.5), col1 - col0, row1 - row0, fill=False, ec=BOX_COLOUR, lw=width)
        axes.add_patch(box)


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
