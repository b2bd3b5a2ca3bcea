import json
import shutil

import pytest
from scripts.experiments.sr_evaluation.gain_choice import _choose
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer
from scripts.workflow import run_workflow

from .conftest import settings

GAINS = [0.0, 0.5, 1.0]


def choosing(high_res, ldm, output_dir, **changes):
    chosen = {"split": "validation", "gains": GAINS, "sizes": [256, 128], "tracking_uri": "none", **changes}
    return settings(high_res, ldm, output_dir, **chosen)


def test_rule_takes_the_largest_gain_that_holds_at_every_size():
    missed = {"1024": {0.2: [], 0.4: [], 0.6: ["ssim"]}, "512": {0.2: [], 0.4: [], 0.6: []}}
    assert _choose(missed, [0.2, 0.4, 0.6], 0.1) == 0.4
    with pytest.raises(ValueError, match=r"expected one that is \+1 dB"):
        _choose({"1024": {0.2: ["psnr"]}}, [0.2], 1.0)
    with pytest.raises(ValueError, match="gains"):
        _choose({}, [0.2], 0.1)  # every region was refused


def test_gain_is_chosen_on_validation_and_becomes_the_models_own(high_res, ldm, tmp_path, capsys):
    """Detail of a random network is noise: none of it is allowed, and what remains is bicubic made consistent."""
    folder = shutil.copytree(ldm, tmp_path / "ldm")
    run_workflow("sr_evaluation", overrides=choosing(high_res, folder, tmp_path / "out", gain_margin=-0.1))
    content = json.loads((folder / "gain.json").read_text())
    assert content["gain"] == 0.0 and content["split"] == "validation"
    above, missed = content["psnr_above_bicubic"]["128"], content["missed"]["128"]
    assert above["0.0"] == pytest.approx(0.0, abs=0.01) and 0 > above["0.5"] > above["1.0"]
    assert missed["0.0"] == [] and {"psnr", "ssim"} <= set(missed["1.0"])
    assert LatentDiffusionEnhancer(folder).gain == 0.0 and LatentDiffusionEnhancer(folder, gain=0.5).gain == 0.5
    printed = capsys.readouterr().out
    assert "ldm: gain 0, the largest gain with" in printed and f"{above['1.0']:+.3f}" in printed
    assert not (tmp_path / "out" / "sr_evaluation.json").exists()
    # What it was chosen by is what sr_evaluation finds for that gain.
    judged = choosing(high_res, folder, tmp_path / "judged", gains=None, gain=0.5, enhancers=["bicubic", "ldm"])
    run_workflow("sr_evaluation", overrides=judged)
    found = json.loads((tmp_path / "judged" / "sr_evaluation.json").read_text())
    assert found["summary"]["128"]["ldm"]["psnr_truth_region"]["difference"] == pytest.approx(above["0.5"], abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "test"}, "expected another one, found test"),
        ({"gains": [0.5, 2.0]}, "expected a list of entries, each a number of at least 0 and at most 1"),
        ({"enhancers": ["bicubic", "lanczos"]}, "found neither"),
        ({"data_consistency": False}, "with data_consistency, found ldm"),
    ],
)
def test_what_gives_no_honest_choice_is_refused(high_res, ldm, tmp_path, changes, message):
    overrides = choosing(high_res, ldm, tmp_path / "out", **changes)
    with pytest.raises(ValueError, match=message):
        run_workflow("sr_evaluation", overrides=overrides)
    assert not (ldm / "gain.json").exists()
