import math

import pytest
import torch
from scripts.experiments.sr_evaluation.sr_protocol import make_case
from scripts.experiments.sr_evaluation.sr_scores import SREvaluationSettings, score_enhancer
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.enhancers.native import NativeEnhancer

from .synthetic import film

SETTINGS = SREvaluationSettings(region_batch=3, feather=0, seeds=3)


class NoiseEnhancer(BicubicEnhancer):
    """Bicubic with the noise that its generators give."""

    name = "noise"

    def enhance(self, low_res, *, generators):
        clean = super().enhance(low_res, generators=generators)
        return clean + 0.05 * torch.stack([torch.randn(clean.shape[1:], generator=one) for one in generators])


class BrokenEnhancer(BicubicEnhancer):
    """Infinite in every region that is brighter than a threshold."""

    name, limit = "broken", 0.0

    def enhance(self, low_res, *, generators):
        clean = super().enhance(low_res, generators=generators)
        clean[low_res.mean(dim=(1, 2, 3)) > self.limit] = float("inf")
        return clean


@pytest.fixture(scope="module")
def case():
    return make_case(film(), None, window=32, count=4)


def test_the_truth_itself_is_perfect(case):
    figures, example = score_enhancer(NativeEnhancer(), case, SETTINGS)
    assert figures["psnr_truth_region"] == figures["psnr_truth_full"] == 100
    assert figures["ssim_truth_region"] == 1 and figures["gradient_similarity"] == pytest.approx(1)
    assert figures["nps_distance_db"] == 0 and figures["edge_width_ratio"] == 1
    assert figures["hallucination_rate"] == figures["loss_rate"] == figures["seed_deviation"] == 0
    assert figures["consistency_min_db"] == 100 and figures["regions"] == 4 and figures["seconds_per_region"] > 0
    assert torch.equal(example.enhanced, example.truth)


def test_interpolation_is_known_by_what_it_lacks(case):
    figures, _ = score_enhancer(BicubicEnhancer(), case, SETTINGS)
    assert figures["psnr_input_region"] == 100  # nothing but the input
    assert 20 < figures["psnr_truth_region"] < 45 and figures["edge_width_ratio"] > 1.2 and figures["nps_1_db"] < -10


def test_noise_is_seen_in_the_spectrum_the_rates_and_the_seeds(case):
    noise, example = score_enhancer(NoiseEnhancer(), case, SETTINGS)
    bicubic, _ = score_enhancer(BicubicEnhancer(), case, SETTINGS)
    assert noise["nps_1_db"] > 3 > bicubic["nps_1_db"]
    assert noise["hallucination_rate"] > 2 * bicubic["hallucination_rate"]
    # Expected deviation of three draws of a Gaussian of 0.05: its unbiased variance's root is 0.886 of it.
    assert noise["seed_deviation"] == pytest.approx(0.886 * 0.05, rel=0.1) and bicubic["seed_deviation"] == 0
    assert example.deviation.shape == example.truth.shape == (1, 128, 128)


def test_result_does_not_depend_on_the_batch(case):
    one, _ = score_enhancer(NoiseEnhancer(), case, SREvaluationSettings(region_batch=1, seeds=1))
    all_at_once, _ = score_enhancer(NoiseEnhancer(), case, SREvaluationSettings(region_batch=8, seeds=1))
    assert one["psnr_truth_region"] == all_at_once["psnr_truth_region"] and "seed_deviation" in one


class ToldEnhancer(BicubicEnhancer):
    """Bicubic that remembers its guides, which are the boxes."""

    takes_guide, told = True, ()

    def make_guide(self, image, box):
        assert image.shape[-2] == 64  # the reduced image, not the truth
        return torch.tensor(box, dtype=torch.float32)[None, None]

    def enhance(self, low_res, *, generators, guide=None):
        self.told = [*self.told, *guide.flatten(1).tolist()]
        return super().enhance(low_res, generators=generators)


def test_guides_are_those_of_the_pipeline(case):
    enhancer = ToldEnhancer()
    score_enhancer(enhancer, case, SREvaluationSettings(region_batch=3, seeds=2))
    boxes = [list(region.box) for region in case.regions]
    assert enhancer.told == [*boxes, boxes[2], boxes[2]]  # and those of the region whose noise is varied


def test_spoiled_regions_are_counted_and_the_others_judged(case):
    enhancer = BrokenEnhancer()
    means = sorted(float(case.low_res[:, r.row0 : r.row1, r.col0 : r.col1].mean()) for r in case.regions)
    enhancer.limit = (means[1] + means[2]) / 2
    figures, _ = score_enhancer(enhancer, case, SETTINGS)
    assert figures["regions_refused"] == 2 and math.isfinite(figures["psnr_truth_region"])
    enhancer.limit = -1.0
    figures, example = score_enhancer(enhancer, case, SETTINGS)
    assert figures["regions_refused"] == 4 and figures["psnr_truth_region"] is None and example is None
