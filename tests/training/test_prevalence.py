import math

import pytest
import torch
from scripts.data.label_policy import LabelPolicy
from scripts.networks import ViTMultilabel, make_loss
from scripts.training.prevalence import label_prevalence

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def prevalence(values, **policies):
    return label_prevalence([{"label": [value]} for value in values], LabelPolicy(["Edema"], **policies))[0]


def test_missing_labels_do_not_count():
    assert prevalence([1.0, 0.0, math.nan]) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("policy", "expected"), [("ignore", 2 / 4), ("ones", 3 / 5), ("zeros", 2 / 5), ("smoothed_ones", 2.7 / 5)]
)
def test_uncertain_follows_its_policy(policy, expected):
    assert prevalence([1.0, 0.0, -1.0], uncertain=policy) == pytest.approx(expected)


def test_blank_follows_its_policy():
    assert prevalence([1.0, math.nan], blank="zeros") == pytest.approx(2 / 4)


def test_a_label_without_positives_or_without_entries_is_inside_the_open_interval():
    assert 0 < prevalence([0.0, 0.0]) < 0.5
    items = [{"label": [1.0, math.nan]}, {"label": [0.0, -1.0]}]
    assert label_prevalence(items, LabelPolicy(["Edema", "Mass"])) == [0.5, 0.5]


@pytest.mark.parametrize("name", ["bce", "logit_adjust"])
def test_first_loss_of_the_network_is_the_entropy_of_the_prevalence(name):
    count, labels = 2000, ["Edema", "Mass", "Nodule"]
    positives = [40, 600, 1600]
    values = (torch.arange(count)[:, None] < torch.tensor(positives)).float()
    found = label_prevalence([{"label": row} for row in values.tolist()], LabelPolicy(labels))
    loss = make_loss(name, found)
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=3, image_size=32, label_prevalence=loss.start)
    network.head.weight.data.zero_()  # its small random weights are not the question
    first = loss(network(torch.rand(1, 1, 32, 32)).expand(count, 3), values).item()
    share = torch.tensor(positives) / count
    entropy = -(share * share.log() + (1 - share) * (1 - share).log()).mean().item()
    assert first == pytest.approx(entropy, abs=1e-3)
