"""``run training --folds``, and the regions that its networks choose in enhancing and zooming."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scripts.calibration import load_classifier
from scripts.calibration.calibration_file import load_calibration
from scripts.calibration.novelty import load_novelty
from scripts.cli import app
from scripts.common.geometry import fit_square
from scripts.data.datalist import load_datalist
from scripts.dicom import read_radiograph
from scripts.evaluation.predictions import read_predictions
from scripts.fold_runs import holds_folds, measure_folds, run_folds
from scripts.networks.loading import load_vit_multilabel, weights_sha256
from scripts.super_resolution.out_of_fold import OutOfFold
from scripts.workflow import run_workflow
from scripts.zoom.out_of_fold_crops import OutOfFoldCrops, out_of_fold_crops
from typer.testing import CliRunner


@pytest.fixture
def folds(tiny, tmp_path):
    """Output folder of two folds of one epoch."""
    run_folds(2, overrides={**tiny, "max_epochs": 1, "output_dir": str(tmp_path / "folds")})
    return tmp_path / "folds"


def networks(folds, **changes):
    return OutOfFold(folds, **{"labels": None, "image_size": 32} | changes)


def test_each_film_gets_its_regions_from_a_network_that_has_not_seen_it(folds, tiny, data_dir, tmp_path, monkeypatch):
    taught = [load_datalist(folds / f"fold_{k}" / "datalist.json", data_dir).splits["training"] for k in (0, 1)]
    names = [{Path(item["image"]).resolve() for item in items} for items in taught]
    models, splits = networks(folds), load_datalist(data_dir / "datalist.json").splits
    assert len(names[0] | names[1]) == 16 and not names[0] & names[1]
    for item in splits["training"]:
        assert models.is_training_film(item["image"])
        assert Path(item["image"]).resolve() not in names[models.choose(item["image"])]
    assert {models.choose(item["image"]) for item in splits["test"] + splits["validation"]} == {0, 1}
    assert not any(models.is_training_film(item["image"]) for item in splits["test"])

    enhancing = {
        "dataset_dir": str(data_dir),
        "base_dir": str(folds / "fold_0"),
        "output_dir": str(tmp_path / "enhanced"),
        "enhancer": "bicubic",
        "region_count": 1,
        "window": 8,
        "working_size": None,
        "attention_method": "last_cls",
        "attention_layer": 1,
        "mask_body": True,
        "tracking_uri": "none",
    }
    asked, methods = [], set()
    choose = OutOfFold.choose

    def recorded(self, path):
        asked.append(path)
        methods.update(attend.name for attend in self.attend)
        return choose(self, path)

    monkeypatch.setattr(OutOfFold, "choose", recorded)
    run_workflow("enhancing", overrides={**enhancing, "fold_dir": str(folds)})
    assert {Path(path).name for path in asked} == {Path(i["image"]).name for items in splits.values() for i in items}
    lines = [json.loads(line) for line in (tmp_path / "enhanced" / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 28 and {line["folds"] for line in lines} == {models.sha256[:16]}
    assert {line["attention"] for line in lines} == methods == {"last_cls, layer 1 - air"}
    with pytest.raises(ValueError, match=r"written with other settings \(folds: expected None, found"):
        run_workflow("enhancing", overrides=enhancing)  # the folder holds images with other regions


def test_zooming_cuts_the_crops_of_training_films_by_the_folds_and_of_others_by_the_guide(
    folds, tiny, data_dir, tmp_path
):
    out = tmp_path / "zoom"
    own = {key: tiny[key] for key in ("dataset_dir", "batch_size", "precision", "tracking_uri") if key in tiny}
    run_workflow(
        "zooming",
        overrides={
            **own,
            "base_dir": str(folds / "fold_0"),
            "fold_dir": str(folds),
            "output_dir": str(out),
            "zoom_count": 2,
            "zoom_window": 8,
            "zoom_size": 16,
            "zoom_source": "native",
            "max_epochs": 1,
        },
    )
    network = load_vit_multilabel(out / "model")
    crops = out_of_fold_crops(network, out / "cache", "none", fold_dir=folds)
    assert isinstance(crops, OutOfFoldCrops)
    splits = load_datalist(data_dir / "datalist.json").splits
    for item in splits["training"]:
        cache = crops.cache_of(item["image"])
        assert cache is crops.folds[crops.models.choose(item["image"])] and cache.entry(item["image"]).exists()
    assert all(crops.cache_of(item["image"]) is crops.own for item in splits["validation"])
    assert out_of_fold_crops(network, out / "cache", "none").pipeline == crops.own.pipeline  # in a prediction


def test_the_same_command_continues_and_other_folds_are_refused(folds, tiny, tmp_path):
    before = (folds / "fold_1" / "model" / "model.safetensors").stat().st_mtime_ns
    same = {**tiny, "max_epochs": 1, "output_dir": str(folds)}
    (folds / "fold_2").mkdir()
    with pytest.raises(ValueError, match="also holds fold_2; expected 2 folds only"):
        run_folds(2, overrides=same)
    (folds / "fold_2").rmdir()
    run_folds(2, overrides=same)
    assert (folds / "fold_1" / "model" / "model.safetensors").stat().st_mtime_ns == before


def test_networks_that_cannot_stand_for_the_base_are_refused(folds, tmp_path, data_dir):
    with pytest.raises(ValueError, match=r"fold_dir: .*expected 64, that of the base network, found 32"):
        networks(folds, image_size=64)
    with pytest.raises(
        FileNotFoundError, match=r"expected finished trainings fold_0, fold_1, …, found 0; run training"
    ):
        networks(tmp_path)
    models = networks(folds)
    models.seen = models.seen[:1] * 2
    film = load_datalist(folds / "fold_0" / "datalist.json", data_dir).splits["training"][0]["image"]
    with pytest.raises(ValueError, match="all networks of fold_dir were trained on this film"):
        models.choose(film)
    (folds / "fold_1" / "model" / "training_images.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"training_images\.safetensors: missing; .*train the model again"):
        networks(folds)


def test_one_fold_alone_is_the_fold_of_the_set(folds, tiny, tmp_path):
    alone = tmp_path / "alone"
    run_folds(2, fold=1, overrides={**tiny, "max_epochs": 1, "output_dir": str(alone)})
    assert weights_sha256(alone / "fold_1" / "model") == weights_sha256(folds / "fold_1" / "model")
    assert (alone / "fold_0" / "datalist.json").exists() and not (alone / "fold_0" / "model").exists()
    with pytest.raises(FileNotFoundError, match=r"fold_0/model: training not finished"):
        load_classifier(alone)


def test_the_folds_predict_as_one_and_are_calibrated_and_evaluated_together(folds, tiny, data_dir, tmp_path):
    own = {key: str(tiny[key]) for key in ("dataset_dir", "batch_size", "precision", "tracking_uri")}
    options = [f"--{key}={value}" for key, value in own.items()]
    for arguments in (["calibrating"], ["evaluating", "--bootstrap=40"]):
        result = CliRunner().invoke(app, ["run", *arguments, *options, "--out", str(folds)])
        assert result.exit_code == 0, result.exception or result.output
    labels, rows, model_hash = read_predictions(folds)
    assert model_hash == weights_sha256(folds)
    models = [load_vit_multilabel(folds / f"fold_{number}" / "model") for number in (0, 1)]
    calibration, novelty = load_calibration(folds, labels), load_novelty(folds)
    for row in rows:
        image = fit_square(torch.from_numpy(read_radiograph(row.image).image), 32)
        with torch.no_grad():
            logits = torch.stack([model(image[None])[0] for model in models])
        probabilities = logits.sigmoid().double().numpy()
        np.testing.assert_allclose(row.probabilities, probabilities.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(row.spread, probabilities.std(axis=0, ddof=1), atol=1e-5)
        np.testing.assert_allclose(row.calibrated, calibration.apply(np.array([row.logits])).probabilities[0])
        each = calibration.apply(logits.numpy()).probabilities
        np.testing.assert_allclose(row.calibrated_spread, each.std(axis=0, ddof=1), atol=1e-5)
    assert len(rows) == 6 and novelty.mean.shape == (64,) and all(0 <= row.novelty <= 1 for row in rows)

    left_out = [{Path(row.image).name for row in read_predictions(folds / f"fold_{n}")[1]} for n in (0, 1)]
    taught = [load_datalist(folds / f"fold_{n}" / "datalist.json", data_dir).splits["training"] for n in (0, 1)]
    assert len(left_out[0] | left_out[1]) == 16
    assert [{Path(item["image"]).name for item in items} for items in taught] == left_out[::-1]
    result = json.loads((folds / "cross_validation.json").read_text())
    each = [json.loads((folds / f"fold_{n}" / "metrics.json").read_text())["macro"]["auroc"] for n in (0, 1)]
    assert [result["folds"][str(n)]["auroc"] for n in (0, 1)] == each
    assert result["macro_auroc"] == pytest.approx(np.mean(each))
    assert result["macro_auroc_std"] == pytest.approx(np.std(each, ddof=1))


def test_other_data_are_evaluated_without_a_cross_validation(folds, tiny, data_dir, tmp_path):
    content = json.loads((data_dir / "datalist.json").read_text())
    other = tmp_path / "other.json"
    other.write_text(
        json.dumps({"labels": content["labels"], "training": content["validation"], "test": content["test"]})
    )
    overrides = {key: tiny[key] for key in ("dataset_dir", "batch_size", "precision", "tracking_uri")}
    overrides |= {"output_dir": str(folds), "datalist_file": str(other), "bootstrap": 0}
    assert holds_folds("evaluating", overrides=overrides)
    measure_folds("evaluating", overrides=overrides)
    assert (folds / "metrics.json").exists() and not (folds / "cross_validation.json").exists()
    assert not holds_folds("evaluating", overrides={**overrides, "model_dir": str(folds / "fold_0" / "model")})
    assert not holds_folds("evaluating", overrides={**overrides, "output_dir": str(folds / "fold_0")})
    assert not holds_folds("training", overrides={"output_dir": str(folds)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", "2", "--seeds", "2"], "folds: cannot be used with --seeds"),
        (["--folds", "1"], "folds: not allowed; expected a whole number of at least 2, found 1"),
        (["--folds", "3", "--fold", "3"], "fold: expected a number from 0 to 2 with --folds 3, found 3"),
        (["--fold", "0"], "fold: expected --folds beside it"),
        (["--folds", "2", "--dataset_dir", "$data"], "dataset_dir: expected a path with several folds, found '$data'"),
    ],
    ids=["seeds", "one", "too many", "alone", "expression"],
)
def test_folds_that_cannot_be_used_are_refused(options, message, tmp_path):
    result = CliRunner().invoke(app, ["run", "training", *options, "--out", str(tmp_path / "out")])
    assert result.exit_code != 0 and message in str(result.exception or result.output)
