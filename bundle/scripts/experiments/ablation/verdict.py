"""Verdict in one sentence: supported, not supported or inconclusive, with the power of the experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...evaluation.seed_verdict import FEWEST_SEEDS
from .protocol import Endpoint


def give_verdict(
    endpoint: Endpoint,
    primary: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    alarms: Sequence[str],
    trainings: int | None = None,
) -> dict[str, Any]:
    """Verdict; the claim is supported if the arm beats its control and the arms of ``also_above`` without an alarm.

    Args:
        endpoint: declared endpoint.
        primary: comparison with the control, see :func:`.statistics.compare`.
        others: comparisons with the arms of ``also_above``, by name.
        alarms: alarms of the hallucination checks of the enhancer of the arm.
        trainings: number of trainings of each arm, of which a verdict needs three; ``None`` if the seeds of an arm are
            no trainings of their own.

    Returns:
        ``verdict`` and ``sentence``.
    """
    interval = primary["ci"]
    if trainings is not None and trainings < FEWEST_SEEDS:
        return {
            "verdict": "no verdict",
            "sentence": f"No verdict: the chance of training was not measured with {trainings} of at least "
            f"{FEWEST_SEEDS} seeds.",
        }
    if interval is None:
        return {
            "verdict": "inconclusive",
            "sentence": f"Inconclusive: no label of {endpoint.labels} has two patients of each class among the cases.",
        }
    figures = (
        f"{endpoint.arm} against {endpoint.control}: {primary['difference']:+.4f} macro-AUROC over the "
        f"{endpoint.labels} labels, 95 % interval {interval[0]:+.4f} to {interval[1]:+.4f}; a true difference of "
        f"{primary['detectable']:.4f} would have been found with 80 % power"
    )
    not_beaten = [name for name, found in others.items() if found["word"] != "better"]
    if interval[0] > 0 and not not_beaten and not alarms:
        return {"verdict": "supported", "sentence": f"Supported: {figures}."}
    if interval[0] > 0:
        reasons = [f"it does not surpass {name}" for name in not_beaten] + list(alarms)
        return {"verdict": "not supported", "sentence": f"Not supported, although it is better: {figures}; but "
                f"{'; '.join(reasons)}."}  # fmt: skip
    if interval[1] < endpoint.worthwhile:
        kind = "equivalent" if primary["equivalent"] else "no worthwhile gain"
        return {"verdict": "not supported", "sentence": f"Not supported ({kind}): {figures}."}
    return {
        "verdict": "inconclusive",
        "sentence": f"Inconclusive: the interval holds both no gain and a worthwhile one; {figures}.",
    }
