import math

import pytest
from scripts.training.prevalence import label_prevalence


def items(values):
    return [{"label": [value]} for value in values]


def test_missing_labels_do_not_count():
    assert label_prevalence(items([1.0, 0.0, math.nan])) == [pytest.approx(2 / 4)]


@pytest.mark.parametrize(("policy", "expected"), [("ignore", 2 / 4), ("ones", 3 / 5), ("zeros", 2 / 5)])
def test_uncertain_follows_the_policy_of_the_loss(policy, expected):
    assert label_prevalence(items([1.0, 0.0, -1.0]), policy) == [pytest.approx(expected)]


def test_a_label_without_positives_is_not_zero():
    assert 0 < label_prevalence(items([0.0, 0.0]))[0] < 0.5
