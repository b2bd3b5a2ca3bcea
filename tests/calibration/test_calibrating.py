"""The calibration workflow on a model of seconds, and what evaluating makes of its result."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scripts.calibration import load_classifier
from scripts.calibration.calibrating import CalibrationRun, CalibrationSettings
from scripts.calibration.calibration_file import load_calibration
from scripts.calibration.novelty import load_novelty
from scripts.common.geometry import fit_square
from scripts.dicom import read_radiograph
from scripts.evaluation.predictions import read_predictions
from scripts.workflow import run_workflow


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_dir):
    """Overrides of a finished training."""
    from tests.conftest import TINY

    overrides = {
        **{"dataset_dir": str(data_dir), "output_dir": str(tmp_path_factory.mktemp("run") / "base"), "backbone": None},
        **{"architecture": TINY, "image_size": 32, "batch_size": 8, "precision": "fp32", "tracking_uri": "none"},
    }
    run_workflow("training", overrides={**overrides, "max_epochs": 1})
    return overrides


@pytest.fixture
def later(trained, tmp_path):
    """Overrides of a workflow after training, in a folder of its own."""
    out = shutil.copytree(trained["output_dir"], tmp_path / "base")
    kept = ("dataset_dir", "batch_size", "precision", "tracking_uri")
    return {**{key: trained[key] for key in kept}, "output_dir": str(out)}


def test_calibration_reads_no_test_image_and_evaluating_uses_it(later, tmp_path, data_dir):
    folder = Path(shutil.copytree(data_dir, tmp_path / "data"))
    for path in (folder / "test").iterdir():
        path.write_bytes(b"no picture")
    run_workflow("calibration", overrides={**later, "dataset_dir": str(folder)})
    model = Path(later["output_dir"]) / "model"
    calibration = load_calibration(model)
    assert calibration.labels == ["Left Bright", "Right Bright"] and calibration.policy == "youden"
    assert calibration.details["n_patients"] == 6
    assert load_novelty(model) is not None

    run_workflow("evaluating", overrides={**later, "bootstrap": 40})
    report = json.loads((Path(later["output_dir"]) / "metrics.json").read_text())
    assert report["calibrated"]["labels"]["Left Bright"]["threshold"] == calibration.thresholds["Left Bright"]
    assert report["checked_for_training_images"] is True
    _, predictions, _ = read_predictions(later["output_dir"])
    expected = calibration.apply(np.asarray([p.logits for p in predictions]))
    assert np.allclose([p.calibrated for p in predictions], expected.probabilities)
    assert [p.decisions for p in predictions] == expected.decisions.tolist()
    assert all(0 <= p.novelty <= 1 for p in predictions)


def test_test_time_views_count_in_calibrating_and_evaluating(later):
    moved = {**later, "test_time_shift": 0.1, "test_time_scale": 0.1}
    run_workflow("calibrating", overrides={**moved, "novelty_images": 0})
    model = Path(later["output_dir"]) / "model"
    assert load_calibration(model).details["views"] == {"shift": 0.1, "scale": 0.1}
    run_workflow("evaluating", overrides={**moved, "bootstrap": 0})
    _, predictions, _ = read_predictions(later["output_dir"])
    images = [fit_square(torch.from_numpy(read_radiograph(one.image).image), 32) for one in predictions]
    with torch.no_grad():
        alone = load_classifier(model)(torch.stack(images))
        expected = load_classifier(model, shift=0.1, scale=0.1)(torch.stack(images))
    np.testing.assert_allclose([one.logits for one in predictions], expected, atol=1e-4)
    assert (alone - expected).abs().max() > 1e-3 and predictions[0].spread is None  # of a single network


def test_a_list_of_models_has_no_place_for_a_calibration():
    with pytest.raises(ValueError, match=r"model_dir: .*expected the output folder of training .*found a list of 2"):
        CalibrationRun(["a", "b"], None, None, None, None, "cpu", 8, None, CalibrationSettings())


def test_images_of_the_training_are_not_judged_under_another_name(later, tmp_path, data_dir):
    folder = Path(shutil.copytree(data_dir, tmp_path / "data"))
    shutil.copy(folder / "training" / "03.png", folder / "test" / "new.png")
    datalist = json.loads((folder / "datalist.json").read_text())
    datalist["training"] = []
    datalist["test"].append({**datalist["test"][0], "image": "test/new.png", "patient_id": "renamed"})
    (folder / "datalist.json").write_text(json.dumps(datalist))
    with pytest.raises(ValueError, match=r"found 1 of 7 \(new\.png\); remove them from the split"):
        run_workflow("evaluating", overrides={**later, "dataset_dir": str(folder)})
    assert not (Path(later["output_dir"]) / "metrics.json").exists()


def test_calibration_without_training_images_needs_to_be_told(later, tmp_path, data_dir):
    folder = Path(shutil.copytree(data_dir, tmp_path / "data"))
    datalist = json.loads((folder / "datalist.json").read_text())
    (folder / "datalist.json").write_text(json.dumps({**datalist, "training": []}))
    overrides = {**later, "dataset_dir": str(folder), "policy": "specificity", "calibration_method": "temperature"}
    with pytest.raises(ValueError, match="--novelty_images 0"):
        run_workflow("calibration", overrides=overrides)
    run_workflow("calibration", overrides={**overrides, "novelty_images": 0})
    model = Path(later["output_dir"]) / "model"
    assert load_novelty(model) is None
    assert load_calibration(model).policy == "specificity 0.9"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "isotonic"}, "platt"),
        ({"policy": "f1"}, "youden"),
        ({"policy_target": 90}, r"0\.9 for 90 %"),
        ({"novelty_images": -1}, "found -1"),
    ],
)
def test_wrong_settings_are_rejected_before_images_are_read(wrong, message):
    with pytest.raises(ValueError, match=message):
        CalibrationSettings(**wrong)
