import pytest
from scripts.experiments.ablation.arms import View, parse_arms


def test_an_arm_may_learn_from_one_view_and_be_judged_on_another():
    arms = parse_arms({
        "base": {},
        "sr": {"mode": "zoom", "enhancer": "bicubic"},
        "frozen": {"mode": "zoom", "enhancer": "bicubic", "train_on": "base"},
        "taught": {"mode": "zoom", "enhancer": "bicubic", "test_on": "base"},
    })  # fmt: skip
    assert (arms["frozen"].train_view, arms["frozen"].test_view) == (View(), arms["sr"].test_view)
    assert (arms["taught"].train_view, arms["taught"].test_view) == (arms["sr"].test_view, View())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mode": "zom"}, "a: mode: not known.*did you mean 'zoom'"),
        ({"mode": "zoom", "enhancer": "bicubc"}, "a: enhancer: not known.*did you mean 'bicubic'"),
        ({"mode": "zoom", "selector": "rand"}, "a: selector: not known.*did you mean 'random'"),
        ({"mode": "zoom", "selector": "findings"}, "a: selector: not known"),
        ({"enhancr": "bicubic"}, "a: not known.*did you mean 'enhancer'"),
        ({"train_on": "b"}, "a: train_on: not known"),
        ({"enhancer": "bicubic"}, "a global view has no regions"),
    ],
)
def test_settings_that_mean_nothing_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        parse_arms({"a": given})


def test_only_random_views_depend_on_the_seed_of_the_noise():
    fixed, noisy = View("paste_back", "bicubic"), View("paste_back", "bicubic", "random")
    assert fixed.digest(0) == fixed.digest(1) and noisy.digest(0) != noisy.digest(1)
    assert fixed.digest(0) != View("zoom", "bicubic").digest(0)
