"""The interval over seeds and patients holds its level, by the simulation of ``benchmarks/seed_verdicts.py``."""

import numpy as np
import pytest
from scipy.stats import ttest_ind
from scripts.metrics.seed_interval import difference_over_seeds

from benchmarks.seed_verdicts import Scenario, shares_of_verdicts

OURS = "seeds and patients"


def test_without_a_variance_over_patients_it_is_the_test_of_welch():
    rng = np.random.default_rng(0)
    base, retrained = rng.normal(size=(4, 3)), rng.normal(0.5, 2.0, size=(4, 3))
    found = difference_over_seeds(base, retrained, np.zeros(4))
    expected = ttest_ind(retrained, base, axis=1, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert found.low == pytest.approx(interval.low) and found.high == pytest.approx(interval.high)


def test_patients_add_to_the_variance_and_to_the_degrees_of_freedom():
    base, retrained = np.array([0.7, 0.71, 0.72]), np.array([0.72, 0.73, 0.74])
    seeds_only = difference_over_seeds(base, retrained, np.array(0.0))
    both = difference_over_seeds(base, retrained, np.array(1e-3))
    assert seeds_only.degrees_of_freedom == pytest.approx(4)
    assert both.degrees_of_freedom > 100
    assert both.standard_error**2 == pytest.approx(seeds_only.standard_error**2 + 1e-3)
    assert both.high - both.low == pytest.approx(2 * 1.96 * both.standard_error, rel=0.02)
    assert both.detectable == pytest.approx(2.8 * both.standard_error, rel=0.02)


def test_arms_without_any_difference_have_a_p_value_of_one():
    same = np.array([0.5, 0.5, 0.5])
    found = difference_over_seeds(same, same, np.array(0.0))
    assert (found.low, found.high, found.p_value) == (0, 0, 1)


def test_one_seed_has_no_variance():
    with pytest.raises(ValueError, match="--seeds 3"):
        difference_over_seeds(np.array([0.7]), np.array([0.8]), np.array(0.0))


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(patients=100, sd=0.005),
        Scenario(patients=300, sd=0.01),
        Scenario(patients=600, sd=0.01),
        Scenario(patients=100, sd=0.02),
        Scenario(patients=300, sd=0.01, correlation=0.5),
        Scenario(patients=100, sd=0.005, arm_share=0.1, training_share=0.02),
        Scenario(patients=30, training_share=0.2, arm_share=0.2),
        Scenario(patients=100, prevalence=0.05, arm_share=0.05),
        Scenario(patients=100, seeds=5),
    ],
    ids=lambda scenario: f"{scenario.seeds}-{scenario.patients}-{scenario.sd}-{scenario.correlation}",
)
def test_without_an_effect_at_most_one_verdict_in_twenty_is_false(scenario):
    assert shares_of_verdicts(scenario, 1000)[OURS] <= 0.05


def test_the_level_is_nearly_held_where_the_seeds_of_one_arm_scatter_three_times_as_much():
    scenario = Scenario(patients=300, sd=0.01, retrained_ratio=3)
    assert shares_of_verdicts(scenario, 1000)[OURS] <= 0.08  # the page of the evaluation states this limit: 0.066


def test_the_usual_alternatives_give_false_verdicts():
    shares = shares_of_verdicts(Scenario(patients=300, sd=0.01), 1000)
    assert shares["nested bootstrap"] > 0.1
    assert shares["patients, one seed"] > 0.3


def test_power_at_a_worthwhile_and_at_a_large_effect():
    few = [shares_of_verdicts(Scenario(patients=300, sd=0.005, effect=effect), 1000)[OURS] for effect in (0.01, 0.02)]
    many = shares_of_verdicts(Scenario(patients=300, sd=0.005, effect=0.01, seeds=6), 1000)[OURS]
    assert 0.1 < few[0] < 0.5 < few[1]
    assert many > few[0] + 0.15
