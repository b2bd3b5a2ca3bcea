import csv
import json
import shutil
from pathlib import Path

import pytest
from scripts.data.datalist import load_datalist
from scripts.experiments.sr_evaluation import make_enhancers
from scripts.sr_training import Degradation, SrSettings, train_sr
from scripts.sr_training.settings import STAGES
from scripts.super_resolution.enhancers.registry import make_enhancer
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.workflow import run_workflow

from ...sr_training.conftest import SMALL
from .conftest import settings


def test_every_enhancer_gets_figures_a_panel_and_an_interval(high_res, ldm, tmp_path):
    out = tmp_path / "out"
    run_workflow("sr_evaluation", overrides=settings(high_res, ldm, out))
    content = json.loads((out / "sr_evaluation.json").read_text())
    images = {size: found["bicubic"]["regions"]["images"] for size, found in content["summary"].items()}
    assert images == {"256": 2, "128": 3, "native": 1}  # the film of 192 pixels is native only
    ldm_psnr = content["summary"]["128"]["ldm"]["psnr_truth_region"]
    assert len(ldm_psnr["interval"]) == 2 and content["summary"]["128"]["native"]["psnr_truth_region"]["mean"] == 100
    assert content["summary"]["128"]["ldm"]["consistency_min_db"]["mean"] >= 60
    assert sorted(path.stem for path in (out / "panels").iterdir()) == ["bicubic", "ldm", "native"]
    with (out / "failures.csv").open() as file:
        assert [Path(row["path"]).name for row in csv.DictReader(file)] == ["broken.png"]
    assert "ldm" in (out / "sr_evaluation.txt").read_text()
    text = "".join((out / name).read_text() for name in ("sr_evaluation.json", "sr_evaluation.csv", "report.html"))
    assert "secret" not in text and str(high_res) not in text
    assert "sr_evaluating" in json.loads((out / "mlflow_runs.json").read_text())


def test_images_below_every_size_are_an_error(high_res, ldm, tmp_path):
    overrides = settings(high_res, ldm, tmp_path / "out", sizes=[2048], enhancers=["bicubic"], tracking_uri="none")
    with pytest.raises(ValueError, match=r"at least \['2048'\] pixels"):
        run_workflow("sr_evaluation", overrides=overrides)


@pytest.mark.parametrize("names", [["ldm"], ["bicubic", "bicubic"], ["bicubic", "identity"]])
def test_what_cannot_be_compared_is_refused(names, ldm):
    with pytest.raises(ValueError, match="enhancers: "):
        make_enhancers(names, folder=ldm)


@pytest.fixture(scope="module")
def trained(high_res, tmp_path_factory):
    """A model folder with every network but that of the stage task, which needs a classifier, trained for two steps."""
    folder = tmp_path_factory.mktemp("trained")
    stages = [stage for stage in STAGES if stage != "task"]
    settings = SrSettings(**{**SMALL, "stages": stages, "crops_per_megapixel": 200.0})
    train_sr(load_datalist(high_res / "datalist.json"), folder, settings, Degradation())
    return folder


def test_every_enhancer_runs_on_a_folder_that_was_just_trained(high_res, trained, tmp_path):
    names = ["bicubic", "lanczos", "residual", "ldm", "resshift", "inverse", "guided"]
    quick = {"enhancers": names, "sizes": [128], "region_count": 1, "seeds": 1, "limit": 2, "tracking_uri": "none"}
    run_workflow("sr_evaluation", overrides=settings(high_res, trained, tmp_path, **quick))
    summary = json.loads((tmp_path / "sr_evaluation.json").read_text())["summary"]["128"]
    assert list(summary) == names
    for name in names[2:]:
        assert summary[name]["consistency_min_db"]["mean"] >= 60, name
        assert summary[name]["psnr_truth_region"]["images"] == 2 and len(summary[name]["psnr_truth_region"]["interval"])
    html = (tmp_path / "report.html").read_text()
    assert all(f'<th scope="row">{name}</th>' in html for name in names) and html.count("<figure>") == len(names)


def test_gains_of_both_diffusions_are_kept_where_each_finds_its_own(high_res, trained, tmp_path):
    """Without any of its detail, a diffusion over a regression network that is bicubic satisfies the rule."""
    folder = shutil.copytree(trained, tmp_path / "model")
    for part in ("regression", "resshift/regression"):
        save_network(RegressionNetwork(width=8, blocks=1), folder / part)
    quick = {"enhancers": ["bicubic", "ldm", "resshift"], "sizes": [128], "region_count": 1, "limit": 1}
    choosing = {**quick, "split": "validation", "gains": [0.0], "gain_margin": -9.0, "tracking_uri": "none"}
    run_workflow("sr_evaluation", overrides=settings(high_res, folder, tmp_path / "out", **choosing))
    assert [make_enhancer(name, folder=folder).gain for name in ("ldm", "resshift")] == [0.0, 0.0]
    content = json.loads((folder / "resshift" / "gain.json").read_text())
    assert content["rule"].startswith("largest gain") and set(content["psnr_above_bicubic"]) == {"128"}
