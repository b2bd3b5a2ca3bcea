"""``run training --folds``, and the regions that its networks choose in enhancing and zooming."""

import json
from pathlib import Path

import pytest
from scripts.cli import app
from scripts.data.datalist import load_datalist
from scripts.fold_runs import run_folds
from scripts.networks.loading import load_vit_multilabel
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
        "tracking_uri": "none",
    }
    asked = []
    choose = OutOfFold.choose
    monkeypatch.setattr(OutOfFold, "choose", lambda self, path: asked.append(path) or choose(self, path))
    run_workflow("enhancing", overrides={**enhancing, "fold_dir": str(folds)})
    assert {Path(path).name for path in asked} == {Path(i["image"]).name for items in splits.values() for i in items}
    lines = [json.loads(line) for line in (tmp_path / "enhanced" / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 28 and {line["folds"] for line in lines} == {models.sha256[:16]}
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


@pytest.mark.parametrize(
    ("options", "message"), [(["--seeds", "2"], "folds: cannot be used with --seeds"), ([], "folds")]
)
def test_folds_that_cannot_be_used_are_refused(options, message, tmp_path):
    count = "2" if options else "1"
    result = CliRunner().invoke(app, ["run", "training", "--folds", count, *options, "--out", str(tmp_path / "out")])
    assert result.exit_code != 0 and message in str(result.exception or result.output)
