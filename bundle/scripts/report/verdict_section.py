"""Section of the report on the verdict: the sentence, the control of the base against itself, and every seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ONE_TRAINING = (
    "Each model was trained once. The difference between two seeds of the same training can be as large as the effect "
    "under study."
)


def verdict_section(comparison: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values for the header of the report and for the template ``verdict_section.html.j2``.

    Args:
        comparison: content of ``comparison.json``; ``None``: the models were not compared.

    Returns:
        ``verdict``, ``sentence``, ``control_sentence`` (or ``None``) and ``cautions``; ``seeds``, one row for each if
        there are several; ``method``, how the intervals were made; ``limitation``, what the seeds do not cover.
    """
    if comparison is None:
        return _without("No answer yet: the two models were not compared on the same cases.", "inconclusive")
    if "interval_covers" not in comparison:
        # Versions before 0.5 gave a verdict on two trainings, which the chance of training can reverse.
        return _without(
            "No verdict: the chance of training was not measured (compared by an earlier version; evaluate again).",
            "no verdict",
        )
    several = len(comparison["seeds"]) > 1
    replicates = comparison["bootstrap"]["replicates"]
    covered = (
        "over seeds and patients: a t interval whose variance is the sum of that between the seeds of each model and "
        f"that over patients ({replicates} bootstrap replicates). p belongs to the same interval"
        if several
        else f"over patients only, from {replicates} bootstrap replicates; p is the paired DeLong test with patients "
        "as clusters"
    )
    return {
        **{key: comparison[key] for key in ("verdict", "sentence", "control_sentence", "cautions")},
        "seeds": comparison["seeds"] if several else [],
        "method": f"Intervals are 95 %, {covered}, corrected over the labels (Holm).",
        "limitation": "The seeds cover the order of the images, the augmentation and the new parts of the network. All "
        "re-trained models saw one enhanced data set, whose regions one base model chose."
        if several
        else _ONE_TRAINING,
    }


def training_sentence(run_report: Mapping[str, Any] | None) -> str | None:
    """Sentence on the length and the size of the training, which limit what a verdict says about a longer one.

    Args:
        run_report: content of ``run_report.json``.

    Returns:
        The sentence; ``None`` if the record does not have the settings.
    """
    settings = (run_report or {}).get("settings") or {}
    if not {"max_epochs", "image_size"} <= set(settings):
        return None
    frozen = settings.get("frozen_blocks")
    kept = f", and its first {frozen} blocks were not trained" if frozen else ""
    return (
        f"The base model was trained for at most {settings['max_epochs']} epochs at {settings['image_size']} "
        f"pixels{kept}. A longer training, or one on larger images, may answer otherwise."
    )


def _without(sentence: str, verdict: str) -> dict[str, Any]:
    """Section without a verdict."""
    words: dict[str, Any] = {"verdict": verdict, "sentence": sentence, "control_sentence": None, "cautions": []}
    return words | {"seeds": [], "method": "Intervals are 95 %, drawn by patient.", "limitation": _ONE_TRAINING}
