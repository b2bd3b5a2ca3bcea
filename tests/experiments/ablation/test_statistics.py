import numpy as np
import pytest
from scripts.experiments.ablation.statistics import (
    EvaluatedCases,
    _combine,
    compare,
    macro_names,
    score_arm,
    summarise_arm,
)

SEEDS, CASES = 3, 1200


def make(effect, seed=0, noise=0.15):
    """Two arms of correlated scores on the same cases; the second separates the classes by ``effect`` more."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((CASES, 2)) < 0.3).astype(float)
    base = targets + rng.standard_normal((CASES, 2))
    arms = [base + gain * targets + noise * rng.standard_normal((SEEDS, CASES, 2)) for gain in (0, effect)]
    return EvaluatedCases(["a", "b"], targets, np.arange(CASES) // 2), arms


def compared(effect, **settings):
    evaluated, arms = make(effect, **settings)
    control, arm = (score_arm(scores, evaluated, 400, 0) for scores in arms)
    return compare(arm, control, evaluated, [0, 1], margin=0.01, seed=0)


def test_a_planted_effect_is_found_with_its_size():
    found = compared(0.2)
    assert found["word"] == "better" and not found["equivalent"]
    # Separation 1 and 1.2 standard deviations (noise included): Phi(d / sqrt 2) is 0.758 and 0.799.
    assert found["difference"] == pytest.approx(0.041, abs=0.01)
    assert found["ci"][0] < found["difference"] < found["ci"][1]
    assert all(row["p_holm"] < 0.01 for row in found["labels"].values())


def test_no_effect_is_a_result():
    found = compared(0.0)
    assert found["word"] == "equivalent" and found["equivalent"]
    assert all(row["p_holm"] > 0.05 for row in found["labels"].values())


def test_too_few_cases_are_undecided_and_the_power_says_so():
    found = compared(0.0, noise=1.5)
    assert found["word"] == "undecided" and found["detectable"] > 0.01
    assert found["detectable"] == pytest.approx(2.8 * found["standard_error"], rel=0.01)


def test_a_label_of_one_class_is_named_and_left_out():
    evaluated, arms = make(0.2)
    targets = evaluated.targets.copy()
    targets[:, 1] = 0
    evaluated = EvaluatedCases(evaluated.labels, targets, evaluated.patients)
    arm = score_arm(arms[1], evaluated, 50, 0)
    assert macro_names({"all": [0, 1]}, evaluated) == {"all": {"counted": ["a"], "left_out": ["b"]}}
    assert summarise_arm(arm, [0, 1], 0)["auroc"] == pytest.approx(np.nanmean(arm.auroc[:, 0]))
    assert summarise_arm(arm, [1], 0)["auroc"] is None
    assert compare(arm, arm, evaluated, [1], margin=0.01, seed=0)["word"] == "not judged"


def test_an_arm_differs_from_itself_by_exactly_nothing():
    evaluated, arms = make(0.0)
    arm = score_arm(arms[0], evaluated, 50, 0)
    found = compare(arm, arm, evaluated, [0, 1], margin=0.005, seed=0)
    assert found["difference"] == 0 and found["ci"] == [0, 0] and found["word"] == "equivalent"


def test_the_chance_of_training_alone_is_no_difference():
    """Trainings whose AUROC scatters from seed to seed: a bootstrap over three of them is too narrow."""
    wrong = {True: 0, False: 0}
    for number in range(60):
        rng = np.random.default_rng(number)
        targets = (rng.random((200, 1)) < 0.4).astype(float)
        patients = targets + rng.standard_normal((200, 1))
        evaluated = EvaluatedCases(["a"], targets, np.arange(200))
        arms = []
        for _ in range(2):
            skill = 1 + 0.3 * rng.standard_normal((SEEDS, 1, 1))  # of each training, without an effect
            arms.append(score_arm(patients + skill * targets, evaluated, 50, 0))
        for independent in wrong:
            found = compare(*arms, evaluated, [0], margin=0.01, seed=0, independent_seeds=independent)
            wrong[independent] += found["word"] in ("better", "worse")
    assert wrong[True] <= 5 < wrong[False]  # 5 % of 60 are 3; 6 or more have a probability of 8 %


def test_a_single_training_has_no_interval():
    evaluated, arms = make(0.2)
    one, other = (score_arm(scores[:1], evaluated, 50, 0) for scores in arms)
    found = compare(other, one, evaluated, [0, 1], margin=0.01, seed=0, independent_seeds=True)
    assert found["ci"] is None and found["word"] == "not judged" and found["difference"] > 0


@pytest.mark.parametrize("independent", [True, False])
@pytest.mark.filterwarnings("error")
def test_replicates_of_one_class_give_no_interval(independent):
    evaluated, arms = make(0.2)
    control, arm = (score_arm(scores, evaluated, 50, 0) for scores in arms)
    for one in (control, arm):
        one.replicates[:40] = np.nan
    found = compare(arm, control, evaluated, [0, 1], margin=0.01, seed=0, independent_seeds=independent)
    assert found["ci"] is None and found["detectable"] is None and found["word"] == "not judged"
    assert found["difference"] > 0 and not found["equivalent"]
    assert {row["ci"] for row in found["labels"].values()} == {None}


def test_a_single_replicate_has_no_variance_over_patients():
    evaluated, arms = make(0.2)
    control, arm = (score_arm(scores, evaluated, 1, 0) for scores in arms)
    assert compare(arm, control, evaluated, [0], margin=0.01, seed=0, independent_seeds=True)["ci"] is None


def test_p_values_of_seeds_are_combined_conservatively():
    assert _combine([0.01, 0.02, 0.9]) == pytest.approx(0.04)
    assert _combine([0.8, 0.9, 0.7]) == 1.0
    assert _combine([0.01, None]) is None
