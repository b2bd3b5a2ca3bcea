"""Verdict of a comparison in words: what can be said, with the chance of training, about base and re-trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A gain in macro-AUROC below 0.01 is not worth a second training run.
_WORTHWHILE_GAIN = 0.01
# Real 1024-pixel images instead of 256-pixel images gain 0.015 (Wollek et al. 2023, arXiv:2306.06051).
_BELIEVABLE_GAIN = 0.015
# With two seeds the simulation of benchmarks/seed_verdicts.py had more than 5 % of false verdicts. It was run with 30
# patients and more.
FEWEST_SEEDS, FEWEST_PATIENTS = 3, 30


def give_verdict(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """State what follows from the difference in macro-AUROC and its 95 % interval.

    Args:
        comparison: content of ``comparison.json`` without the verdict.

    Returns:
        ``verdict`` ("supported", "worse", "not supported", "inconclusive" or "no verdict"), ``sentence``,
        ``control_sentence`` (``None`` with a single training) and ``cautions``.
    """
    macro = comparison["macro"]["auroc"]
    difference, interval = macro["difference"], macro["difference_ci"]
    cautions = []
    if comparison["left_out"]:
        cautions.append(
            "Left out of the average, because fewer than two patients have the finding or fewer than two lack it: "
            f"{', '.join(comparison['left_out'])}."
        )
    given = {"control_sentence": _control_sentence(comparison), "cautions": cautions}
    reason = _reason_for_none(comparison)
    if reason is not None:
        return {"verdict": "no verdict", "sentence": f"No verdict: {reason}{_numbers(comparison)}.", **given}
    low, high = interval
    pairs = f"over {len(comparison['seeds'])} pairs of seeds"
    numbers = _numbers(comparison)
    if low > 0:
        word, sentence = "supported", f"Supported: {pairs} the re-trained model ranked these cases better{numbers}."
    elif high < 0:
        word, sentence = "worse", f"Not supported: {pairs} the re-trained model ranked these cases worse{numbers}."
    elif high < _WORTHWHILE_GAIN:
        word = "not supported"
        sentence = f"Not supported: no gain was seen, and one of {_WORTHWHILE_GAIN} or more is unlikely{numbers}."
    else:
        word = "inconclusive"
        sentence = (
            f"Inconclusive: the interval holds both no gain and a worthwhile one{numbers}. A true difference of "
            f"{macro['detectable']:.3f} would have been found with 80 % power."
        )
    if difference > _BELIEVABLE_GAIN:
        cautions.append(
            f"The gain is above {_BELIEVABLE_GAIN}, more than real films of four times the resolution are worth "
            "(arXiv 2306.06051): look for a leak or for unequal training before believing it."
        )
    return {"verdict": word, "sentence": sentence, **given}


def too_few(seeds: int, patients: int) -> str | None:
    """Reason why so few seeds or patients allow no verdict; ``None`` if they suffice."""
    if patients < FEWEST_PATIENTS:
        return f"{patients} patients are too few to compare two models, expected at least {FEWEST_PATIENTS}"
    if seeds == 1:
        return "the chance of training was not measured"
    if seeds < FEWEST_SEEDS:
        return f"{seeds} seeds measure the chance of training too coarsely, expected at least {FEWEST_SEEDS}"
    return None


def _reason_for_none(comparison: Mapping[str, Any]) -> str | None:
    """Reason why nothing can be concluded; ``None`` if something can."""
    if comparison["macro"]["auroc"]["difference"] is None:
        return "no label has two patients with the finding and two without it among the cases"
    if reason := too_few(len(comparison["seeds"]), comparison["n_patients"]):
        return reason
    if comparison["macro"]["auroc"]["difference_ci"] is None:
        return "there is no interval, because bootstrap is 0 or too few of its replicates have both classes"
    return None


def _numbers(comparison: Mapping[str, Any]) -> str:
    """Difference and interval in brackets; empty if they are not known."""
    macro = comparison["macro"]["auroc"]
    if macro["difference"] is None:
        return ""
    text = f"{macro['difference']:+.3f} macro-AUROC"
    if macro["difference_ci"] is not None:
        low, high = macro["difference_ci"]
        text += f", 95 % interval over {comparison['interval_covers']} {low:+.3f} to {high:+.3f}"
    return f" ({text})"


def _control_sentence(comparison: Mapping[str, Any]) -> str | None:
    """Sentence on the differences between trainings of the base; ``None`` with a single training."""
    control = comparison["control"]
    if control is None:
        return None
    pairs = "one pair" if control["pairs"] == 1 else f"{control['pairs']} pairs"
    return (
        f"Control: the base model, trained with other seeds on the same images, differs from itself by up to "
        f"{control['largest_difference']:.3f} ({pairs}; by an interval over patients alone, "
        f"{control['different_by_patients']} of them would have counted as different)."
    )
