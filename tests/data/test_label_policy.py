import numpy as np
import pytest
import torch
from monai.transforms import Compose
from scripts.data.label_policy import LabelPolicy, measured_items

NAN = float("nan")
LABELS = ["Edema", "Pleural Effusion", "Mass"]


def draw(policy, values, seed=0):
    policy.set_random_state(seed=seed)
    return policy({"label": torch.tensor(values)})["label"].tolist()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("ones", 1, 1), ("zeros", 0, 0), ("smoothed_ones", 0.55, 0.85), ("smoothed_zeros", 0, 0.3)],
)
def test_uncertain_lies_where_its_policy_says(name, low, high):
    policy = LabelPolicy(LABELS, uncertain=name)
    found = np.array([draw(policy, [-1.0, -1.0, -1.0], seed) for seed in range(200)])
    assert found.min() >= low - 1e-6 and found.max() <= high + 1e-6
    assert found.mean() == pytest.approx((low + high) / 2, abs=0.02)
    assert len(np.unique(found)) == (1 if low == high else 600)
    assert policy.expected(np.full((1, 3), -1.0)) == pytest.approx((low + high) / 2)


def test_ignored_entries_count_neither_way_and_annotated_ones_never_change():
    found = draw(LabelPolicy(LABELS), [-1.0, NAN, 1.0])
    assert np.isnan(found).tolist() == [True, True, False] and found[2] == 1


def test_blank_as_zero_leaves_ignored_uncertain_labels_alone():
    found = draw(LabelPolicy(LABELS, uncertain="ignore", blank="zeros"), [-1.0, NAN, 1.0])
    assert np.isnan(found[0]) and found[1:] == [0, 1]


def test_each_label_its_policy_under_any_of_its_names():
    policy = LabelPolicy(
        LABELS, uncertain={"Effusion": "ones", "others": "zeros"}, blank={"Mass": "zeros", "others": "ignore"}
    )
    assert draw(policy, [-1.0, -1.0, NAN]) == [0, 1, 0]


def test_drawn_again_for_each_epoch_and_alike_in_a_repeated_one():
    chain = Compose([LabelPolicy(LABELS, uncertain="smoothed_ones")])

    def epoch(seed):
        chain.set_random_state(seed=seed)
        return chain({"label": torch.tensor([-1.0, -1.0, -1.0])})["label"].tolist()

    assert epoch(1) == epoch(1) != epoch(2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"uncertain": None}, "uncertain: expected a policy, or {label: policy}, found None; set one of ignore, ones"),
        ({"blank": ["ignore"]}, "blank: expected a policy"),
        ({"uncertain": "maybe"}, "uncertain: policy of others: not known; .* found 'maybe'"),
        ({"blank": "ones"}, "blank: .* expected one of ignore, zeros, found 'ones'"),
        ({"uncertain": {"Edema": "ones"}}, "none for Pleural Effusion, Mass; add them, or 'others: ignore'"),
        ({"uncertain": {"Oedma": "ones", "others": "zeros"}}, "found 'Oedma'; did you mean 'Edema'"),
    ],
)
def test_wrong_policies_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LabelPolicy(LABELS, **settings)


def test_blank_labels_are_measured_as_absent_only_when_asked_for_and_never_where_the_data_lack_the_label():
    items = [{"image": "a.png", "label": [1.0, NAN, NAN]}, {"image": "b.png", "label": [NAN, -1.0, NAN]}]
    np.testing.assert_equal(measured_items(items, LABELS), items)
    found = measured_items(items, LABELS, "zeros")
    np.testing.assert_equal([item["label"] for item in found], [[1.0, 0.0, NAN], [0.0, -1.0, NAN]])
    assert [item["image"] for item in found] == ["a.png", "b.png"] and np.isnan(items[0]["label"][1])
    with pytest.raises(ValueError, match="measured_blank: not known; expected one of ignore, zeros, found 'ones'"):
        measured_items(items, LABELS, "ones")
