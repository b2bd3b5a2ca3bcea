import pytest
import torch
from scripts.experiments.sr_evaluation.default_rule import missed_conditions, rule_metrics

PATIENTS = [0, 1, 2, 3, 3, 4]
GOOD = {
    "psnr": [1.0] * 6,
    "ssim": [0.01, 0.02, 0.01, 0.03, 0.01, 0.02],
    "hallucination_rate": [-0.01, -0.02, -0.01, -0.03, -0.01, -0.02],
    "loss_rate": [-0.01, -0.02, -0.01, -0.03, -0.01, -0.02],
}


def test_better_in_every_respect_satisfies_the_rule():
    assert missed_conditions(GOOD, PATIENTS, 0.5) == []


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"psnr": [0.4] * 6}, ["psnr"]),
        ({"ssim": [0.02, 0.02, 0.02, -0.05, 0.02, 0.02]}, ["ssim"]),  # better on average, but not with confidence
        ({"hallucination_rate": [-0.01, -0.01, 0.03, -0.01, -0.01, -0.01]}, ["hallucination_rate"]),
        ({"loss_rate": [0.01] * 6}, ["loss_rate"]),
    ],
    ids=["psnr", "ssim", "hallucination_rate", "loss_rate"],
)
def test_each_condition_can_fail_alone(changed, missed):
    assert missed_conditions({**GOOD, **changed}, PATIENTS, 0.5) == missed


def test_films_of_one_patient_are_compared_by_their_mean():
    films = {**GOOD, "ssim": [0.02, 0.02, 0.02, -0.05, 0.02, 0.02]}
    assert missed_conditions(films, [7] * 6, 0.5) == []


def test_metrics_see_invented_and_lost_pixels():
    truth = 0.5 + 0.1 * torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0))
    brighter = truth.clone()
    brighter[:, :16] += 0.5
    plain, changed = (rule_metrics([image, truth], [truth, truth]) for image in (truth, brighter))
    assert plain == {"psnr": 100.0, "ssim": pytest.approx(1.0), "hallucination_rate": 0.0, "loss_rate": 0.0}
    assert changed["hallucination_rate"] == pytest.approx(0.25) and changed["loss_rate"] == 0.0
    assert plain["psnr"] > changed["psnr"] + 10 and changed["ssim"] < 0.9
