from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scripts.calibration.calibration_file import Calibration, LabelCalibration, load_calibration, save_calibration
from scripts.networks.loading import weights_sha256

LABELS = ["Edema", "Mass"]


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A folder that looks like a model."""
    channels = {"network_data_format": {"outputs": {"pred": {"channel_def": dict(enumerate(LABELS))}}}}
    (tmp_path / "metadata.json").write_text(json.dumps({**channels, "preprocessing": {"image_size": 224}}))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def make(model_dir: Path, **changed: float) -> Calibration:
    values = {"scale": 0.5, "offset": -1.0, "threshold": 0.2, "method": "platt"}
    by_label = {"Edema": LabelCalibration(**values | changed), "Mass": LabelCalibration(1.0, 0.0, 0.5, "none")}
    return Calibration(by_label, weights_sha256(model_dir), "youden", {"n_images": 9})


def test_file_gives_back_what_was_learned(model_dir: Path) -> None:
    save_calibration(make(model_dir), model_dir)
    loaded = load_calibration(model_dir)
    assert loaded == make(model_dir)
    assert loaded.thresholds == {"Edema": 0.2, "Mass": 0.5}
    assert loaded.uncalibrated == ["Mass"]


def test_apply_scales_shifts_and_decides(model_dir: Path) -> None:
    result = make(model_dir).apply(np.array([[2.0, 0.0], [-2.0, -0.1]]))
    assert result.probabilities[:, 0] == pytest.approx([0.5, 1 / (1 + np.exp(2))])
    assert result.probabilities[0, 1] == 0.5
    assert result.decisions.tolist() == [[True, True], [False, False]]
    with pytest.raises(ValueError, match=r"expected \(N, 2\)"):
        make(model_dir).apply(np.zeros((2, 3)))


def test_a_model_that_was_never_calibrated_has_none(model_dir: Path) -> None:
    assert load_calibration(model_dir) is None


def test_other_labels_or_weights_are_rejected(model_dir: Path) -> None:
    save_calibration(make(model_dir), model_dir)
    with pytest.raises(ValueError, match="other labels"):
        load_calibration(model_dir, ["Mass", "Edema"])
    (model_dir / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ValueError, match="other weights"):
        load_calibration(model_dir)


def test_other_files_beside_the_weights_do_not_make_them_others(model_dir: Path) -> None:
    save_calibration(make(model_dir), model_dir)
    shutil.copy(model_dir / "model.safetensors", model_dir / "novelty.safetensors")
    assert load_calibration(model_dir) is not None


@pytest.mark.parametrize("wrong", [{"scale": -1.0}, {"scale": 0.0}, {"threshold": 1.5}, {"offset": 1e999}])
def test_damaged_values_are_rejected(model_dir: Path, wrong: dict) -> None:
    save_calibration(make(model_dir), model_dir)
    path = model_dir / "thresholds.json"
    content = json.loads(path.read_text())
    content["labels"]["Edema"] |= wrong
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="run calibration again"):
        load_calibration(model_dir)
    path.write_text("{")
    with pytest.raises(ValueError, match="not JSON; expected a calibration"):
        load_calibration(model_dir)
