import numpy as np
import pytest
from scripts.data.label_policy import LabelPolicy
from scripts.training.image_sampler import make_sampler

RARE, COMMON, NEITHER = 2, 60, 38
POLICY = LabelPolicy(["Rare", "Common"])


class Data:
    """100 images: 2 with the rare finding, 60 with the common one, the others with neither."""

    def __init__(self):
        labels = [[1.0, 0.0]] * RARE + [[0.0, 1.0]] * COMMON + [[0.0, float("nan")]] * NEITHER
        self.data = [{"label": label} for label in labels]

    def __len__(self):
        return len(self.data)


def epoch(number, **changes):
    sampler = make_sampler("balanced", Data(), POLICY, **{"seed": 3, **changes})
    sampler.set_epoch(number)
    return list(sampler)


def counts(draws):
    return np.bincount([index for index, _ in draws], minlength=100)


def test_rare_findings_come_as_often_as_their_repeat_factor():
    # Prevalence 2 %: sqrt(0.1 / 0.02) = 2.24 times the others; 100 draws over 98 + 2 * 2.24.
    found = np.mean([counts(epoch(number)) for number in range(200)], axis=0)
    one = 100 / (98 + 2 * 5**0.5)
    assert found[:RARE].mean() == pytest.approx(5**0.5 * one, abs=0.1)
    assert found[RARE:].mean() == pytest.approx(one, abs=0.01)
    assert found.sum() == pytest.approx(100)


def test_no_image_comes_more_often_than_its_share_rounded_up():
    for number in range(20):
        found = counts(epoch(number))
        assert set(found[:RARE]) <= {2, 3} and set(found[RARE:]) <= {0, 1}


def test_an_epoch_repeats_exactly_and_the_next_differs():
    assert epoch(4) == epoch(4) != epoch(5)
    assert epoch(4) != epoch(4, seed=4)


def test_repetitions_of_an_image_are_numbered():
    """So that each is augmented differently."""
    draws = epoch(1)
    assert len(set(draws)) == len(draws)
    assert sorted(repetition for index, repetition in draws if index == 0) in ([0, 1], [0, 1, 2])


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_one_epoch(world):
    parts = [epoch(2, num_replicas=world, rank=rank) for rank in range(world)]
    assert len({len(part) for part in parts}) == 1
    together = [draw for part in parts for draw in part]
    assert len(set(together)) == len(together) >= 100
    assert {index for index, _ in together} <= set(range(100))


def test_uncertain_counts_as_its_policy_says():
    data = Data()
    data.data = [{"label": [-1.0]}] + [{"label": [0.0]}] * 99
    factors = {
        name: make_sampler("balanced", data, LabelPolicy(["Rare"], uncertain=name)).factors[0]
        for name in ("ignore", "zeros", "ones", "smoothed_ones")
    }
    assert factors == {"ignore": 1, "zeros": 1, "ones": pytest.approx(10**0.5), "smoothed_ones": pytest.approx(10**0.5)}


def test_no_labels_at_all_is_an_even_epoch():
    data = type("Unlabelled", (), {"data": [{"label": []}] * 5, "__len__": lambda self: 5})()
    sampler = make_sampler("balanced", data, LabelPolicy([]))
    assert sorted(index for index, _ in sampler) == [0, 1, 2, 3, 4]


def test_unknown_sampler_is_rejected():
    with pytest.raises(ValueError, match="expected one of shuffled, balanced, found 'rare'"):
        make_sampler("rare", Data(), POLICY)
