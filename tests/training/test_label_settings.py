"""What becomes of labels, losses and order in whole training runs."""

import csv
import json
from pathlib import Path

import pytest
import torch
from scripts.workflow import run_workflow

SETTINGS = {
    "uncertain": {"Left Bright": "smoothed_ones", "others": "smoothed_zeros"},
    "blank": "zeros",
    "loss_name": "asl",
    "loss_options": {"gamma_negative": 2.0},
    "sampler": "balanced",
}


@pytest.fixture
def uncertain_data(data_dir, tmp_path):
    """The shared images; every third training label is uncertain or blank."""
    datalist = json.loads((data_dir / "datalist.json").read_text())
    for split in ("training", "validation", "test"):
        for number, item in enumerate(datalist[split]):
            item["image"] = str(data_dir / item["image"])
            if split == "training" and number % 3 == 0:
                item["label"] = [-1, None]
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


def weights(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["network"]


def test_killed_run_with_drawn_targets_and_balanced_order_ends_with_the_same_weights(
    tiny, uncertain_data, tmp_path, killed_in_epoch_three
):
    run = {**tiny, **SETTINGS, "dataset_dir": str(uncertain_data), "max_epochs": 3}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_workflow("training", overrides={**run, "output_dir": str(whole)})
    with killed_in_epoch_three():
        run_workflow("training", overrides={**run, "output_dir": str(killed)})
    run_workflow("training", overrides={**run, "output_dir": str(killed)})
    first, second = weights(whole), weights(killed)
    assert all(torch.equal(first[name], second[name]) for name in first)

    report = json.loads((whole / "run_report.json").read_text())["settings"]
    card = json.loads((whole / "model" / "metadata.json").read_text())["provenance"]
    for found in (report, card):
        assert {name: found[name] for name in SETTINGS} == SETTINGS
        # Of 16 images 5 have the finding and 6 are uncertain, with a mean target of 0.7.
        assert found["prevalence"][0] == pytest.approx((5 + 6 * 0.7 + 1) / 18)


def test_evaluation_on_a_data_set_with_other_names(tiny, data_dir, tmp_path):
    run_workflow("training", overrides={**tiny, "max_epochs": 1})
    datalist = json.loads((data_dir / "datalist.json").read_text())
    for item in datalist["test"]:
        item["image"] = str(data_dir / item["image"])
        item["label"] = [0, item["label"][0]]
    datalist |= {"labels": ["Fracture", "left_bright"], "training": [], "validation": []}
    del datalist["split"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "datalist.json").write_text(json.dumps(datalist))
    there = {**tiny, "dataset_dir": str(other), "cache_dir": str(tmp_path / "cache"), "bootstrap": 40}
    with pytest.raises(ValueError, match=r"found 'Right Bright'; did you mean 'left_bright'\?"):
        run_workflow("evaluating", overrides=there)
    run_workflow("evaluating", overrides={**there, "missing_labels": "blank"})
    metrics = json.loads((Path(tiny["output_dir"]) / "metrics.json").read_text())["labels"]
    assert metrics["Left Bright"]["auroc"] is not None and metrics["Right Bright"]["auroc"] is None
    with (Path(tiny["output_dir"]) / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6
