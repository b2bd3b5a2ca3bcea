"""Verdict in one sentence: supported, worse, not supported, inconclusive or none, with the power of the experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...evaluation.seed_verdict import too_few
from .protocol import Endpoint


def give_verdict(
    endpoint: Endpoint,
    primary: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    alarms: Sequence[str],
    *,
    seeds: int,
    patients: int,
) -> dict[str, Any]:
    """Verdict; the claim is supported if the arm beats its control and the arms of ``also_above`` without an alarm.

    Args:
        endpoint: declared endpoint.
        primary: comparison with the control, see :func:`.statistics.compare`.
        others: comparisons with the arms of ``also_above``, by name.
        alarms: alarms of the hallucination checks of the enhancer of the arm.
        seeds: number of seeds of each arm.
        patients: number of evaluated patients.

    Returns:
        ``verdict`` ("supported", "worse", "not supported", "inconclusive" or "no verdict") and ``sentence``.
    """
    reason = _reason_for_none(endpoint, primary, seeds, patients)
    if reason is not None:
        return {"verdict": "no verdict", "sentence": f"No verdict: {reason}."}
    low, high = primary["ci"]
    figures = (
        f"{endpoint.arm} against {endpoint.control}: {primary['difference']:+.4f} macro-AUROC over the "
        f"{endpoint.labels} labels, 95 % interval {low:+.4f} to {high:+.4f}; a true difference of "
        f"{primary['detectable']:.4f} would have been found with 80 % power"
    )
    not_beaten = [name for name, found in others.items() if found["word"] != "better"]
    if low > 0 and not not_beaten and not alarms:
        return {"verdict": "supported", "sentence": f"Supported: {figures}."}
    if low > 0:
        reasons = [f"it does not surpass {name}" for name in not_beaten] + list(alarms)
        return {"verdict": "not supported", "sentence": f"Not supported, although it is better: {figures}; but "
                f"{'; '.join(reasons)}."}  # fmt: skip
    if high < 0:
        return {"verdict": "worse", "sentence": f"Not supported (worse than {endpoint.control}): {figures}."}
    if high < endpoint.worthwhile:
        kind = "equivalent" if primary["equivalent"] else "no worthwhile gain"
        return {"verdict": "not supported", "sentence": f"Not supported ({kind}): {figures}."}
    return {
        "verdict": "inconclusive",
        "sentence": f"Inconclusive: the interval holds both no gain and a worthwhile one; {figures}.",
    }


def _reason_for_none(endpoint: Endpoint, primary: Mapping[str, Any], seeds: int, patients: int) -> str | None:
    """Reason why nothing can be concluded; ``None`` if something can."""
    if primary["difference"] is None:
        return (
            f"no label of the group {endpoint.labels} has two patients with the finding and two without it among the "
            "cases"
        )
    if reason := too_few(seeds, patients):
        return reason
    if primary["ci"] is None:
        return "there is no interval, because bootstrap is too small or too few of its replicates have both classes"
    return None
