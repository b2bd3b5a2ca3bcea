"""Data seen through the labels of a model: for judging a model on another data set."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace

from .datalist import Datalist
from .label_aliases import match_label, match_labels

logger = logging.getLogger(__name__)

_MISSING = ("refuse", "blank")


def with_labels(datalist: Datalist, labels: Sequence[str], missing: str = "refuse") -> Datalist:
    """Datalist with the labels of a model, in its order and under its names.

    Labels are matched by name or alias (:mod:`.label_aliases`); those of the data that the model lacks are left out.
    Both are logged.

    Args:
        datalist: the data.
        labels: names of the model's outputs.
        missing: what a label of the model that the data lack is: ``refuse``, an error; ``blank``, a column of NaN, of
            which nothing is judged.

    Raises:
        ValueError: unknown ``missing``; a label that the data lack, under ``refuse``; under ``blank``, all of them.
    """
    if missing not in _MISSING:
        raise ValueError(f"missing_labels: not known; expected one of {', '.join(_MISSING)}, found {missing!r}")
    where = str(datalist.path or "the data")
    present = [name for name in labels if match_label(name, datalist.labels) is not None]
    wanted = labels if missing == "refuse" or not present else present
    columns = dict(zip(wanted, match_labels(wanted, datalist.labels, where), strict=True))
    report(where, labels, [name for k, name in enumerate(datalist.labels) if k not in columns.values()], present)
    splits = {
        split: [
            {**item, "label": [item["label"][columns[name]] if name in columns else math.nan for name in labels]}
            for item in items
        ]
        for split, items in datalist.splits.items()
    }
    return replace(datalist, labels=list(labels), splits=splits)


def report(where: str, labels: Sequence[str], unused: Sequence[str], present: Sequence[str]) -> None:
    """Log what is not judged, and why."""
    lacking = [name for name in labels if name not in present]
    if lacking:
        logger.warning("%s: has no labels for %s; they are not judged", where, ", ".join(lacking))
    if unused:
        logger.info("%s: the model has no output for %s; left out", where, ", ".join(unused))
