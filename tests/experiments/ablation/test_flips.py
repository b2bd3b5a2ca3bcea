import numpy as np
from scripts.experiments.ablation.flips import frozen_changes
from scripts.experiments.ablation.statistics import EvaluatedCases

CASES = 400


def changes(shift_negative, shift_positive):
    rng = np.random.default_rng(0)
    targets = (rng.random((CASES, 1)) < 0.3).astype(float)
    control = (targets + rng.standard_normal((CASES, 1)))[None]
    enhanced = (
        control + np.where(targets == 1, shift_positive, shift_negative) + 0.05 * rng.standard_normal((1, CASES, 1))
    )
    evaluated = EvaluatedCases(["a"], targets, np.arange(CASES))
    return frozen_changes(control, enhanced, evaluated, [0], replicates=300, seed=0)


def test_an_enhancer_that_changes_little_raises_no_alarm():
    found = changes(0, 0)
    assert found["alarms"] == [] and found["flips"] < 0.05 and abs(found["shift_negative"]) < 0.02


def test_findings_that_appear_in_healthy_cases_are_noticed():
    found = changes(0.5, 0.5)
    assert found["alarms"] == ["findings appear in cases without them"]
    assert 0.4 < found["shift_negative_ci"][0] < found["shift_negative_ci"][1] < 0.6
    assert found["created"] > 0.05 and found["erased"] == 0


def test_findings_that_vanish_are_noticed():
    found = changes(0, -0.5)
    assert found["alarms"] == ["findings become harder to tell from their absence"]
    assert found["change_of_separation_ci"][1] < -0.4 and found["erased"] > 0.05
