"""Selects and orders the labels of a datalist to match a model, to evaluate the model on another data set."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace

from ..common.choices import check_choice
from .datalist import Datalist
from .label_aliases import match_label, match_labels

logger = logging.getLogger(__name__)

_MISSING = ("refuse", "blank")


def with_labels(datalist: Datalist, labels: Sequence[str], missing: str = "refuse") -> Datalist:
    """Return the datalist with the labels of a model, in the model's order and under the model's names.

    Labels are matched by name or alias (:mod:`.label_aliases`). Labels that the model does not predict are dropped.
    Aliases and dropped labels are logged.

    Args:
        datalist: data to evaluate the model on.
        labels: names of the model's outputs.
        missing: treatment of a label of the model that the data do not have: ``refuse`` raises an error, ``blank`` adds
            a column of NaN, for which nothing is evaluated.

    Raises:
        ValueError: if ``missing`` is unknown, or the data do not have one of the labels (``refuse``) or any of them
            (``blank``).
    """
    check_choice("missing_labels", missing, _MISSING)
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
    """Log the labels that are not evaluated, and why."""
    lacking = [name for name in labels if name not in present]
    if lacking:
        logger.warning("%s: has no labels for %s; they are not evaluated", where, ", ".join(lacking))
    if unused:
        logger.info("%s: the model has no output for %s; left out", where, ", ".join(unused))
