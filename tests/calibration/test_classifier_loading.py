"""Several model folders as one classifier: what is averaged, and what cannot be."""

import logging
import shutil

import numpy as np
import pytest
import torch
from scripts.calibration import load_classifier
from scripts.calibration.calibration_file import (
    Calibration,
    LabelCalibration,
    calibrated_sha256,
    load_calibration,
    save_calibration,
)
from scripts.calibration.classifier_loading import calibration_of
from scripts.networks import Ensemble, ViTMultilabel, ZoomViT, save_vit_multilabel

from ..conftest import LABELS, TINY


def write(folder, seed, labels=LABELS, zoom=False, **settings):
    torch.manual_seed(seed)
    options = {"architecture": TINY, "num_labels": len(labels), "image_size": 32, "labels": labels, **settings}
    network = ViTMultilabel(**options)
    save_vit_multilabel(ZoomViT(network) if zoom else network, folder, labels=labels, provenance={})
    return folder


def calibrate(source, folder, *rules, **details):
    by_label = dict(zip(LABELS, (LabelCalibration(*rule, 0.5, "platt") for rule in rules), strict=True))
    save_calibration(Calibration(by_label, calibrated_sha256(source), "youden", details), folder)


@pytest.fixture
def models(tmp_path):
    return [write(tmp_path / f"fold_{number}" / "model", number) for number in (0, 1)]


@pytest.fixture
def images():
    return torch.rand(3, 1, 32, 32)


@torch.no_grad()
def test_one_model_is_loaded_as_it_is(models):
    for source in (models[0], [models[0]]):
        assert type(load_classifier(source)) is ViTMultilabel
    moved = load_classifier(models[0], shift=0.1)
    assert isinstance(moved, Ensemble) and len(moved.members) == 1 and not moved.training


@torch.no_grad()
def test_calibrated_probabilities_are_averaged_where_all_models_are_calibrated(models, images):
    plain = load_classifier(models).member_logits(images)
    calibrate(models[0], models[0], (2.0, 1.0), (0.5, 0.0))
    with pytest.raises(ValueError, match=r"fold_1/model: not calibrated; .*calibrate all of them, or none"):
        load_classifier(models)
    calibrate(models[1], models[1], (1.0, -1.0), (1.0, 3.0))
    scales, offsets = torch.tensor([[2.0, 0.5], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [-1.0, 3.0]])
    both = load_classifier(models)
    torch.testing.assert_close(both.member_logits(images), plain * scales + offsets)
    # The calibration of a single model is applied to what it predicts, not within it.
    alone = load_classifier(models[0], shift=0.1)
    assert alone.scales.tolist() == [[1.0, 1.0]] and alone.offsets.tolist() == [[0.0, 0.0]]


def test_the_calibration_of_the_mean_is_in_the_folder_of_the_trainings(models, tmp_path):
    assert load_calibration(tmp_path) is None
    calibrate(tmp_path, tmp_path, (2.0, 1.0), (0.5, 0.0))
    np.testing.assert_allclose(
        load_calibration(tmp_path).apply(np.zeros((1, 2))).probabilities, [[0.731059, 0.5]], 1e-5
    )
    assert load_calibration(models) is None  # a list has no folder
    for folder in models:  # the mean is now another one
        calibrate(folder, folder, (2.0, 1.0), (0.5, 0.0))
    with pytest.raises(ValueError, match=r"thresholds\.json: made for other weights; .*run calibration again"):
        load_calibration(tmp_path)
    calibrate(tmp_path, tmp_path, (2.0, 1.0), (0.5, 0.0))
    assert load_calibration(tmp_path) is not None
    write(models[1], 5)
    with pytest.raises(ValueError, match="made for other weights"):
        load_calibration(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"labels": LABELS[::-1]},
            "labels: expected .'Left Bright', 'Right Bright'. as in the first model, found .'Right",
        ),
        ({"image_size": 48}, "image_size: expected 32 as in the first model, found 48"),
        ({"pool": "cls_mean"}, "pool: expected cls as in the first model, found cls_mean"),
        ({"architecture": {**TINY, "patch_size": 16}}, r"grid of patches: expected \(4, 4\) .*, found \(2, 2\)"),
        ({"patch_head": True}, "patch_head: expected False as in the first model, found True"),
        ({"zoom": True}, "the network reads crops; expected networks that do not"),
    ],
    ids=["labels", "image_size", "pool", "patches", "patch_head", "zoom"],
)
def test_a_model_of_another_kind_is_refused_by_name(models, tmp_path, settings, message):
    shutil.rmtree(models[1])
    write(models[1], 1, **settings)
    with pytest.raises(ValueError, match=rf"fold_1/model: {message}"):
        load_classifier(tmp_path)


def test_a_folder_that_is_no_model_is_refused_by_name(models, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing: no model; expected a folder with metadata\.json"):
        load_classifier([models[0], tmp_path / "nothing"])


def test_other_views_than_those_of_the_calibration_are_told(models, caplog):
    folder = models[0]
    with caplog.at_level(logging.WARNING):
        calibrate(folder, folder, (2.0, 1.0), (0.5, 0.0), views={"shift": 0.1, "scale": 0.0})
        assert calibration_of(folder, load_classifier(folder, shift=0.1)) is not None and not caplog.records
        calibration_of(folder, load_classifier(folder))
        assert "calibrated with other test-time views" in caplog.text
        caplog.clear()
        calibrate(folder, folder, (2.0, 1.0), (0.5, 0.0))  # as before there were views
        calibration_of(folder, load_classifier(folder))
        assert not caplog.records
        calibration_of(folder, load_classifier(folder, scale=0.1))
        assert "calibrated with other test-time views" in caplog.text
