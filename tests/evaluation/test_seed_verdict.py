import pytest
from scripts.evaluation.seed_verdict import give_verdict


def comparison(difference, interval, **changes):
    """Comparison of three seeds and a hundred patients."""
    macro = {"difference": difference, "difference_ci": interval, "detectable": 0.03}
    control = {"pairs": 3, "largest_difference": 0.012, "different_by_patients": 1}
    seeds = [{"seed": seed} for seed in range(3)]
    content = {"macro": {"auroc": macro}, "control": control, "seeds": seeds, "left_out": [], "n_patients": 100}
    return content | {"interval_covers": "seeds and patients"} | changes


@pytest.mark.parametrize(
    ("difference", "interval", "word", "cautions"),
    [
        (0.02, (0.01, 0.03), "supported", 1),
        (0.01, (0.002, 0.018), "supported", 0),
        (-0.02, (-0.03, -0.01), "worse", 0),
        (0.0, (-0.004, 0.005), "not supported", 0),
        (0.02, (-0.03, 0.07), "inconclusive", 1),
        (None, None, "no verdict", 0),
    ],
)
def test_verdict(difference, interval, word, cautions):
    result = give_verdict(comparison(difference, interval))
    assert result["verdict"] == word
    assert len(result["cautions"]) == cautions


def test_the_control_stands_beside_the_difference():
    result = give_verdict(comparison(0.01, (0.002, 0.018)))
    assert "95 % interval over seeds and patients +0.002 to +0.018" in result["sentence"]
    assert "differs from itself by up to 0.012 (3 pairs; " in result["control_sentence"]


def test_an_inconclusive_comparison_says_what_it_could_have_found():
    assert "0.030 would have been found with 80 % power" in give_verdict(comparison(0.0, (-0.02, 0.02)))["sentence"]


@pytest.mark.parametrize("interval", [(0.01, 0.03), (-0.03, -0.01)])
def test_one_training_is_neither_supported_nor_worse(interval):
    one = comparison(0.02, interval, seeds=[{"seed": 0}], control=None, interval_covers="patients")
    result = give_verdict(one)
    assert result["verdict"] == "no verdict"
    assert "the chance of training was not measured" in result["sentence"]
    assert not {"supported", "worse"} & set(result["sentence"].lower().split())
