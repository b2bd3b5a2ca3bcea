"""Paired comparison of the base model and the re-trained model on the same cases, with a verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics.bootstrap import bootstrap_metrics, percentile_interval
from ..metrics.classification import auroc, average_precision, check_predictions, select_annotated
from ..metrics.delong import holm, paired_delong
from ..metrics.macro import mean_or_none, nan_mean

# A gain in macro-AUROC below 0.01 is not worth a second training run.
_WORTHWHILE_GAIN = 0.01
# Real 1024-pixel images instead of 256-pixel images gain 0.015 (Wollek et al. 2023, arXiv:2306.06051).
_BELIEVABLE_GAIN = 0.015


def compare_models(
    labels: Sequence[str],
    base: np.ndarray,
    retrained: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute paired differences (re-trained minus base) for each label and for the macro average.

    Args:
        labels: C names.
        base: (N, C) probabilities of the base model.
        retrained: (N, C) probabilities of the re-trained model on the same cases.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: (N,) integer patient of each case.
        bootstrap: number of replicates for the 95 % intervals.
        seed: random seed of the bootstrap; both models are scored on the same replicates.

    Returns:
        The content of ``comparison.json``, JSON-ready.

    Raises:
        ValueError: the shapes disagree.
    """
    base, targets = check_predictions(labels, base, targets)
    retrained, _ = check_predictions(labels, retrained, targets)
    groups = np.unique(groups, return_inverse=True)[1]
    before = bootstrap_metrics(targets, base, groups, bootstrap, seed)
    after = bootstrap_metrics(targets, retrained, groups, bootstrap, seed)
    change = {key: after[key] - before[key] for key in before}
    rows = {
        name: _compare_label(targets[:, i], base[:, i], retrained[:, i], groups)
        | {"difference_ci": percentile_interval(change["auroc"][:, i])}
        for i, name in enumerate(labels)
    }
    for row, adjusted in zip(rows.values(), holm([row["p_value"] for row in rows.values()]), strict=True):
        row["p_holm"] = adjusted
    macro = _macro(rows, "", change["auroc"])
    return {
        "labels": rows,
        "macro": {"auroc": macro, "average_precision": _macro(rows, "_average_precision", change["average_precision"])},
        "n_images": len(targets),
        "n_patients": int(groups.max()) + 1,
        "bootstrap": {"replicates": bootstrap, "seed": seed, "cluster": "patient"},
        **_verdict(macro["difference"], macro["difference_ci"]),
    }


def _verdict(difference: float | None, interval: Sequence[float] | None) -> dict[str, Any]:
    """State in words what can be concluded from the difference in macro-AUROC and its 95 % interval.

    Args:
        difference: macro-AUROC of the re-trained model minus that of the base model.
        interval: [low, high] of the difference.

    Returns:
        ``verdict`` ("supported", "worse", "not supported" or "inconclusive"), ``sentence`` and ``cautions``.
    """
    if difference is None or interval is None:
        sentence = "Inconclusive: too few cases with both classes to compare the two models."
        return {"verdict": "inconclusive", "sentence": sentence, "cautions": []}
    low, high = interval
    numbers = f"{difference:+.3f} macro-AUROC, 95 % interval {low:+.3f} to {high:+.3f}"
    if low > 0:
        word, sentence = (
            "supported",
            f"Supported for these two runs: the re-trained model ranked these cases better ({numbers}).",
        )
    elif high < 0:
        word, sentence = "worse", f"Not supported: the re-trained model ranked these cases worse ({numbers})."
    elif high < _WORTHWHILE_GAIN:
        word = "not supported"
        sentence = f"Not supported: no gain was seen, and one of {_WORTHWHILE_GAIN} or more is unlikely ({numbers})."
    else:
        word = "inconclusive"
        sentence = f"Inconclusive: the interval holds both no gain and a worthwhile one ({numbers})."
    cautions = [
        "This compares two training runs with one seed each. The interval covers the choice of test patients, not the "
        "chance of training: repeat with other seeds, and re-train the base model without enhancement as a control."
    ]
    if difference > _BELIEVABLE_GAIN:
        cautions.append(
            f"The gain is above {_BELIEVABLE_GAIN}, more than real films of four times the resolution are worth "
            "(arXiv 2306.06051): look for a leak or for unequal training before believing it."
        )
    return {"verdict": word, "sentence": sentence, "cautions": cautions}


def format_comparison_table(comparison: dict[str, Any]) -> str:
    """Text table for the console: one row per label, then the macro average, then the verdict.

    Args:
        comparison: content of ``comparison.json``.
    """
    header = ("label", "prevalence", "base", "re-trained", "difference", "95 % interval", "p (Holm)")
    rows = [_text_row(name, row, f"{row['prevalence']:.1%}" if row["prevalence"] is not None else "-")
            for name, row in comparison["labels"].items()]  # fmt: skip
    rows.append(_text_row("macro AUROC", comparison["macro"]["auroc"], ""))
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(_align(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in [header, *rows]]  # fmt: skip
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", comparison["sentence"]])


def _compare_label(targets: np.ndarray, base: np.ndarray, retrained: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    known = (targets == 0) | (targets == 1)
    positive, first = select_annotated(targets, base)
    _, second = select_annotated(targets, retrained)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    row: dict[str, Any] = {
        "prevalence": n_positive / len(positive) if len(positive) else None,
        "n_positive": n_positive,
        "n_negative": n_negative,
    }
    if not n_positive or not n_negative:
        empty = ("base", "retrained", "difference", "p_value", "base_average_precision", "retrained_average_precision")
        return row | dict.fromkeys(empty)
    difference, _, p_value = paired_delong(positive, first, second, groups[known])
    return row | {
        "base": auroc(targets, base),
        "retrained": auroc(targets, retrained),
        "difference": difference,
        "p_value": p_value,
        "base_average_precision": average_precision(targets, base),
        "retrained_average_precision": average_precision(targets, retrained),
    }


def _macro(rows: dict[str, dict[str, Any]], suffix: str, change: np.ndarray) -> dict[str, Any]:
    base = mean_or_none([row[f"base{suffix}"] for row in rows.values()])
    retrained = mean_or_none([row[f"retrained{suffix}"] for row in rows.values()])
    difference = retrained - base if retrained is not None and base is not None else None
    return {
        "base": base,
        "retrained": retrained,
        "difference": difference,
        "difference_ci": percentile_interval(nan_mean(change)),
    }


def _text_row(name: str, row: dict[str, Any], prevalence: str) -> tuple[str, ...]:
    interval, p = row["difference_ci"], row.get("p_holm")
    return (
        name,
        prevalence,
        *(f"{row[key]:.3f}" if row[key] is not None else "-" for key in ("base", "retrained")),
        f"{row['difference']:+.3f}" if row["difference"] is not None else "-",
        f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else "-",
        "" if "p_holm" not in row else "-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}",
    )


def _align(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
