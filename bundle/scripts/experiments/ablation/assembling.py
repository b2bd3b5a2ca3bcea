"""Content of ``ablation.json`` from the scores of all arms: summaries, comparisons, hallucination checks, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...calibration.scale import sigmoid
from ...metrics.classification import metrics_report
from .arms import Arm
from .flips import frozen_changes
from .protocol import Comparison, Endpoint
from .statistics import ArmScores, EvaluatedCases, compare, macro_names, score_arm, summarise_arm
from .verdict import give_verdict

_FURTHER = ("average_precision", "calibration_error")  # macro, of the mean probability of the seeds


@dataclass(frozen=True)
class Plan:
    """Decisions that were declared before any training.

    Attributes:
        arms: arms by name.
        endpoint: primary comparison.
        secondary: further comparisons.
        reference: arm that every other arm is compared with in the table.
        columns: columns of the labels of each group.
        bootstrap: number of bootstrap replicates.
        seed: seed of the bootstrap.
        independent_seeds: whether each seed is a training of its own, see :func:`.statistics.compare`.
    """

    arms: Mapping[str, Arm]
    endpoint: Endpoint
    secondary: Sequence[Comparison]
    reference: str
    columns: Mapping[str, Sequence[int]]
    bootstrap: int = 1000
    seed: int = 0
    independent_seeds: bool = False


def assemble(
    plan: Plan,
    evaluated: EvaluatedCases,
    scores: Mapping[str, np.ndarray],
    costs: Mapping[str, Mapping[str, float]],
    lesions: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Content of ``ablation.json``.

    Args:
        plan: declared decisions.
        evaluated: evaluated cases.
        scores: logits (S, M, C) of each arm.
        costs: ``seconds`` and ``tokens`` of an image in each arm.
        lesions: results of the check on phantoms, by name of the enhancer.
    """
    scores_of_arms = {name: score_arm(values, evaluated, plan.bootstrap, plan.seed) for name, values in scores.items()}

    def against(comparison: Comparison) -> dict[str, Any]:
        arm, control, group = comparison
        return {
            "arm": arm,
            "control": control,
            "group": group,
            **compare(
                scores_of_arms[arm],
                scores_of_arms[control],
                evaluated,
                plan.columns[group],
                margin=plan.endpoint.margin,
                seed=plan.seed,
                # An arm and itself are the same trainings: they differ by nothing.
                independent_seeds=plan.independent_seeds and arm != control,
            ),
        }

    endpoint = plan.endpoint
    primary = against((endpoint.arm, endpoint.control, endpoint.labels))
    also_above = {name: against((endpoint.arm, name, endpoint.labels)) for name in endpoint.also_above}
    frozen = _check_frozen(plan, evaluated, scores)
    alarms = _alarms_of(plan, frozen, lesions)
    seeds, patients = len(scores[endpoint.arm]), int(evaluated.patients.max()) + 1
    return {
        **give_verdict(endpoint, primary, also_above, alarms, seeds=seeds, patients=patients),
        "primary": {**asdict(endpoint), **primary},
        "also_above": also_above,
        "secondary": [against(comparison) for comparison in plan.secondary],
        "arms": {name: _describe(name, plan, evaluated, scores_of_arms, costs, against) for name in plan.arms},
        "hallucination": {"frozen": frozen, "lesions": lesions, "alarms": alarms},
        "labels": macro_names(plan.columns, evaluated),
        "n_images": len(evaluated.targets),
        "n_patients": patients,
        "bootstrap": {"replicates": plan.bootstrap, "seed": plan.seed, "cluster": "seed, then patient"},
        "independent_seeds": plan.independent_seeds,
    }


def _describe(
    name: str,
    plan: Plan,
    evaluated: EvaluatedCases,
    scores_of_arms: Mapping[str, ArmScores],
    costs: Mapping[str, Mapping[str, float]],
    against: Any,
) -> dict[str, Any]:
    """Row of one arm: settings, AUROC and difference from the reference for each group of labels, cost."""
    arm, arm_scores = plan.arms[name], scores_of_arms[name]
    probabilities = sigmoid(arm_scores.scores).mean(0)
    further = metrics_report(evaluated.labels, probabilities, evaluated.targets, bootstrap=0)["macro"]
    return {
        "view": asdict(arm.test_view),
        "trained_on": None if arm.train_view == arm.test_view else asdict(arm.train_view),
        "groups": {group: summarise_arm(arm_scores, columns, plan.seed) for group, columns in plan.columns.items()},
        "against_reference": {group: against((name, plan.reference, group)) for group in plan.columns},
        **{key: further[key] for key in _FURTHER},
        **costs[name],
    }


def _check_frozen(plan: Plan, evaluated: EvaluatedCases, scores: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Changes of the decisions in arms that use the classifier of another arm."""
    found = {}
    for name, arm in plan.arms.items():
        own = [other for other, given in plan.arms.items() if _is_control(given, arm)]
        if arm.train_view == arm.test_view or not own:
            continue
        changes = frozen_changes(
            scores[own[0]],
            scores[name],
            evaluated,
            plan.columns[plan.endpoint.labels],
            replicates=plan.bootstrap,
            seed=plan.seed,
        )
        found[name] = {"control": own[0], **changes}
    return found


def _is_control(other: Arm, arm: Arm) -> bool:
    """Whether another arm has the same classifier and evaluates it on the view that it was trained on."""
    return other.train_view == other.test_view == arm.train_view and other.retrain == arm.retrain


def _alarms_of(plan: Plan, frozen: Mapping[str, Any], lesions: Mapping[str, Any]) -> list[str]:
    """Alarms about the images of the endpoint's arm and their enhancer."""
    view = plan.arms[plan.endpoint.arm].test_view
    alarms = [f"{alarm} ({name})" for name, found in frozen.items() if plan.arms[name].test_view == view
              for alarm in found["alarms"]]  # fmt: skip
    return alarms + [f"{alarm} (phantoms)" for alarm in lesions.get(view.enhancer, {}).get("alarms", [])]
