"""``--overlay paper`` through training, enhancing and re-training, with small networks of the public configurations."""

import json
import shutil

import pytest
import torch
from PIL import Image
from scripts.components import bundle_parser
from scripts.workflow import merged_config, run_workflow

from .conftest import TINY
from .super_resolution.tiny_ldm import write_tiny_ldm


@pytest.fixture(scope="module")
def run(tmp_path_factory, data_dir):
    """Outputs of the three workflows; blank labels in the datalist, and the older file layout of the checkpoint."""
    from transformers import ViTConfig, ViTModel

    out = tmp_path_factory.mktemp("paper")
    torch.manual_seed(0)
    ViTModel(ViTConfig(**TINY, image_size=64), add_pooling_layer=False).save_pretrained(out / "vit")
    public = write_tiny_ldm(out / "ldm", safe_serialization=False)
    datalist = json.loads((data_dir / "datalist.json").read_text())
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            item["label"] = [value or None for value in item["label"]]  # never stated as absent
    shutil.copytree(data_dir, out / "data")
    (out / "data" / "datalist.json").write_text(json.dumps(datalist))
    training = {"backbone": str(out / "vit"), "image_size": 32, "max_epochs": 2, "batch_size": 8}
    quick = {"sr_model": str(public), "steps": 2, "window": 8, "region_count": 2, "working_size": 32}
    every = {"tracking_uri": "none"}
    base = {"dataset_dir": str(out / "data"), "output_dir": str(out / "base")}
    enhanced = {"dataset_dir": str(out / "data"), "base_dir": str(out / "base"), "output_dir": str(out / "enhanced")}
    again = {"dataset_dir": str(out / "enhanced"), "base_dir": str(out / "base"), "output_dir": str(out / "retrained")}
    run_workflow("training", overlays=["paper"], overrides={**every, **training, **base})
    run_workflow("enhancing", overlays=["paper"], overrides={**every, **quick, **enhanced})
    run_workflow("retraining", overlays=["paper"], overrides={**every, **training, **again})
    run_workflow("evaluating", overlays=["paper"], overrides={**every, **base, "image_size": 32, "bootstrap": 0})
    return out


def test_the_accuracy_of_the_test_split_is_of_all_labels_of_all_images(run):
    metrics = json.loads((run / "base" / "metrics.json").read_text())
    assert [label["n_positive"] + label["n_negative"] for label in metrics["labels"].values()] == [6, 6]


@pytest.mark.parametrize("name", ["base", "retrained"])
def test_the_weights_themselves_are_validated_and_chosen_by_accuracy_in_which_blank_means_absent(run, name):
    state = torch.load(run / name / "checkpoint.pt", weights_only=True)
    averaged = {key.removeprefix("module."): value for key, value in state["ema"].items() if key != "n_averaged"}
    assert averaged.keys() == state["network"].keys()
    assert all(torch.equal(value, state["network"][key]) for key, value in averaged.items())
    assert state["settings"]["precision"] == "fp32"
    assert len({group["lr"] for group in state["optimizer"]["param_groups"]}) == 1
    accuracies = [row["val_accuracy"] for row in state["history"]["rows"]]
    assert state["selection"]["best"] == max(accuracies)
    # 5 of the 12 labels are positive. If blank labels did not count, no entry would be negative.
    assert {row["val_accuracy_all_negative"] for row in state["history"]["rows"]} == {7 / 12}


def test_the_class_table_has_the_percentages_of_all_images(run):
    (first, *_) = json.loads((run / "base" / "class_distribution.json").read_text())
    assert (first["prevalence"], first["of_all"]) == (1.0, 0.5)


def test_regions_are_pasted_back_at_their_own_size_by_the_diffusion(run):
    lines = [json.loads(line) for line in (run / "enhanced" / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 28 and {(line["enhancer"], line["attention"]) for line in lines} == {("ldm", "last_cls")}
    sources = sorted((run / "data").rglob("*.png"))
    assert len(sources) == 28
    for source in sources:
        enhanced = run / "enhanced" / source.relative_to(run / "data")
        assert Image.open(enhanced).size == Image.open(source).size == (64, 64)
        assert enhanced.read_bytes() != source.read_bytes()


def test_the_enhancer_does_what_the_public_example_of_the_checkpoint_does(run):
    parser = bundle_parser()
    parser.read_config(merged_config("enhancing", ["paper"]))
    parser.update({"sr_model": str(run / "ldm"), "device": "cpu"})
    enhancer = parser.get_parsed_content("super_resolution")
    assert (enhancer.solver, enhancer.steps, enhancer.eta, enhancer.dtype) == ("ddim", 100, 1.0, torch.float32)
    assert enhancer.data_consistency is False and enhancer.gain == 1.0


def test_the_evaluation_of_super_resolution_samples_as_the_paper_does():
    config = merged_config("sr_evaluating", ["paper"])
    sampler = config["super_resolution"]
    assert {key: config[str(sampler[key]).removeprefix("@")] for key in ("solver", "steps", "eta")} == {
        "solver": "ddim", "steps": 100, "eta": 1.0,
    }  # fmt: skip
