import json
import logging
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.networks import ViTMultilabel, ZoomViT, load_vit_multilabel
from scripts.training import MapTraining
from scripts.workflow import CONFIG_DIR, run_workflow

LABELS = ["Spot"]
SIDE, SPOT = 32, 12
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
HEAD, TOKENS = {"patch_head": True}, {"pool": "label_tokens", "label_blocks": 1}
KINDS = [HEAD, TOKENS, HEAD | TOKENS]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Noise with a bright spot, with a box, in every second film."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    datalist = {"labels": LABELS, "split": {"by": "patient", "seed": 0}}
    for split, count in (("training", 8), ("validation", 4), ("test", 4)):
        datalist[split] = []
        for number in range(count):
            image, x, y = rng.uniform(0.3, 0.5, (SIDE, SIDE)), *rng.integers(0, SIDE - SPOT, 2).tolist()
            if number % 2:
                image[y : y + SPOT, x : x + SPOT] += 0.4
            path = f"{split}{number:02}.png"
            Image.fromarray((image * 255).astype(np.uint8)).save(folder / path)
            boxes = [{"label": "Spot", "xywh": [x, y, SPOT, SPOT]}] if number % 2 else []
            datalist[split].append({"image": path, "label": [float(number % 2)], "patient_id": path, "boxes": boxes})
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


@pytest.fixture
def bare(films, tmp_path):
    """The same films without a box."""
    shutil.copytree(films, tmp_path / "bare")
    datalist = json.loads((films / "datalist.json").read_text())
    for split in ("training", "validation", "test"):
        for item in datalist[split]:
            item.pop("boxes")
    (tmp_path / "bare" / "datalist.json").write_text(json.dumps(datalist))
    return tmp_path / "bare"


def settings(films, output_dir, **changes):
    return {
        "dataset_dir": str(films), "output_dir": str(output_dir), "backbone": None, "image_size": SIDE, "batch_size": 4,
        "architecture": TINY, "max_epochs": 1, "precision": "fp32", "tracking_uri": "none", **changes,
    }  # fmt: skip


def run(films, output_dir, **changes):
    run_workflow("training", overrides=settings(films, output_dir, **changes))
    return load_vit_multilabel(output_dir / "model")


def checkpoint(output_dir):
    return torch.load(output_dir / "checkpoint.pt", weights_only=True)


def same(left, right):
    return all(torch.equal(value, right[name]) for name, value in left.items())


def network(**changes):
    return ViTMultilabel(architecture=TINY, num_labels=1, image_size=SIDE, labels=LABELS, **changes)


def item(label=1.0, **changes):
    return {"image": "film.png", "label": [label], "boxes": [{"label": "Spot", "xywh": [0, 0, 9, 9]}], **changes}


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        (HEAD, {"patch_weight": 1.0, "mass_weight": 1.0}),
        (TOKENS, {"mass_weight": 1.0}),
        (HEAD | TOKENS, {"patch_weight": 1.0, "mass_weight": 1.0}),
        ({}, None),
    ],
    ids=str,
)
def test_maps_are_trained_where_the_network_has_them_and_an_item_a_box(changes, weights):
    own = network(**changes)
    training = MapTraining(own, LABELS, [item(boxes=None), item()])
    assert training.settings == weights
    assert own.trains_maps == (weights is not None) == (training.findings is not None)


@pytest.mark.parametrize(
    ("items", "options"),
    [
        ([], {}),
        ([item(boxes=[])], {}),
        ([item(boxes=[{"label": "Left Lung", "xywh": [0, 0, 9, 9]}])], {}),
        ([item(label=0.0)], {}),
        ([item()], {"mass_weight": 0.0, "patch_weight": 0.0}),
    ],
)
def test_without_a_box_or_a_weight_nothing_is_added_to_the_training(items, options):
    own, image_loss, prepare = network(**HEAD, **TOKENS), object(), object()
    training = MapTraining(own, LABELS, items, **options)
    assert training.loss(image_loss) is image_loss and training.prepare_batch(prepare) is prepare
    assert training.findings is None and training.settings is None
    assert own(torch.rand(2, 1, SIDE, SIDE)).shape == (2, 1)


@pytest.mark.parametrize("label", [math.nan, -1.0])
def test_a_box_of_a_blank_or_uncertain_label_trains_the_maps(label):
    assert MapTraining(network(**TOKENS), LABELS, [item(label=label)]).settings


def test_a_datalist_without_a_box_is_one_line_of_the_log(caplog):
    with caplog.at_level(logging.INFO):
        MapTraining(network(**HEAD, **TOKENS), LABELS, [item(boxes=[])])
        MapTraining(network(), LABELS, [item(boxes=[])])
        MapTraining(network(**TOKENS), LABELS, [item(boxes=[])], mass_weight=0.0)
    (line,) = [record.getMessage() for record in caplog.records]
    assert "(label_tokens, patch_logits) are trained from the labels of the images alone" in line


def test_a_zoom_network_is_trained_without_boxes():
    own = ZoomViT(network(**HEAD, **TOKENS), {"crop_size": 16})
    assert MapTraining(own, LABELS, [item()]).settings is None and not own.trains_maps


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_boxes_reach_the_loss(films, tmp_path, kind):
    run(films, tmp_path / "boxed", mass_weight=100.0, **kind)
    run(films, tmp_path / "plain", patch_weight=0.0, mass_weight=0.0, **kind)
    assert not same(checkpoint(tmp_path / "boxed")["network"], checkpoint(tmp_path / "plain")["network"])


@pytest.mark.parametrize("kind", [HEAD, TOKENS], ids=str)
def test_a_datalist_without_boxes_trains_as_with_weights_of_zero(films, bare, tmp_path, kind):
    own = run(bare, tmp_path / "base", **kind)
    run(films, tmp_path / "zero", patch_weight=0.0, mass_weight=0.0, **kind)
    assert own.map_names and same(checkpoint(tmp_path / "base")["network"], checkpoint(tmp_path / "zero")["network"])


def test_the_average_of_the_weights_has_the_patch_head_and_is_what_is_saved(films, tmp_path):
    saved = run(films, tmp_path / "base", **HEAD).state_dict()
    state = checkpoint(tmp_path / "base")
    assert not torch.equal(state["network"]["patch_head.position"], state["ema"]["module.patch_head.position"])
    assert same(saved, {name.removeprefix("module."): value for name, value in state["ema"].items()})


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_killed_and_continued_run_ends_with_the_same_weights(films, tmp_path, killed_in_epoch_three, kind):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(films, whole, max_epochs=3, **kind)
    with killed_in_epoch_three():
        run(films, killed, max_epochs=3, **kind)
    run(films, killed, max_epochs=3, **kind)
    first, second = checkpoint(whole), checkpoint(killed)
    assert same(first["network"], second["network"]) and same(first["ema"], second["ema"])


@pytest.mark.parametrize("kind", [HEAD, TOKENS], ids=str)
def test_the_weights_of_the_losses_cannot_change_within_a_run(films, tmp_path, kind):
    run(films, tmp_path / "base", **kind)
    with pytest.raises(ValueError, match=r"map_loss: expected .*'mass_weight': 2"):
        run(films, tmp_path / "base", mass_weight=2.0, **kind)


def test_a_run_does_not_continue_without_its_patch_head(films, tmp_path):
    run(films, tmp_path / "base", mass_weight=0.0, patch_weight=0.0, **HEAD)
    with pytest.raises(ValueError, match="patch_head: expected None, found True"):
        run(films, tmp_path / "base", mass_weight=0.0, patch_weight=0.0)


def test_a_checkpoint_from_before_the_maps_were_trained_is_continued_without_their_loss(films, tmp_path):
    run(films, tmp_path / "base", mass_weight=0.0, **TOKENS)
    state = checkpoint(tmp_path / "base")
    del state["settings"]["map_loss"], state["settings"]["patch_head"]
    torch.save(state, tmp_path / "base" / "checkpoint.pt")
    run(films, tmp_path / "base", mass_weight=0.0, **TOKENS)
    with pytest.raises(ValueError, match=r"map_loss: expected \{'mass_weight': 1\.0\}, found None"):
        run(films, tmp_path / "base", **TOKENS)


def test_a_trained_model_is_continued_with_its_maps(films, tmp_path):
    run(films, tmp_path / "base", **HEAD, **TOKENS)
    model = {"backbone": str(tmp_path / "base" / "model"), "architecture": None}
    assert run(films, tmp_path / "both", **model, **HEAD, **TOKENS).map_names == ["label_tokens", "patch_logits"]
    assert run(films, tmp_path / "larger", **model, **HEAD, **TOKENS, image_size=64).patch_grid == (8, 8)
    assert run(films, tmp_path / "none", **model).map_names == []


def test_two_processes_train_the_maps_of_one_model(films, tmp_path):
    kind = HEAD | TOKENS
    overrides = settings(films, tmp_path / "base", bundle_root=str(CONFIG_DIR.parent), batch_size=2, **kind)
    given = {key: "$None" if value is None else value for key, value in overrides.items()}
    files = [str(CONFIG_DIR / "train.yaml"), str(CONFIG_DIR / "multi_gpu.yaml")]
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
        *("-m", "monai.bundle", "run", "training", "--config_file", str(files)),
        *(text for key, value in given.items() for text in (f"--{key}", str(value))),
    ]
    done = subprocess.run(command, cwd=CONFIG_DIR.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    state = checkpoint(tmp_path / "base")
    assert state["position"]["iteration"] == 2 and state["settings"]["map_loss"]["mass_weight"] == 1
    assert all(torch.isfinite(value).all() for value in state["network"].values())


def test_findings_are_mixed_in_training_alone_and_a_checkpoint_without_them_is_not_continued(films, tmp_path):
    run_workflow("training", overrides=settings(films, tmp_path, **HEAD, mix_findings=1.0))
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["settings"]["mix_findings"] == 1.0
    with pytest.raises(ValueError, match=r"mix_findings: expected None, found 1\.0"):
        run_workflow("training", overrides=settings(films, tmp_path, **HEAD))
    with pytest.raises(ValueError, match="mix_findings: not allowed; expected a number of at least 0 and at most 1"):
        run_workflow("training", overrides=settings(films, tmp_path, mix_findings=2.0))


def test_the_labels_whose_place_was_trained_stay_with_the_model(films, bare, tmp_path):
    assert run(films, tmp_path / "base", **HEAD).located_labels == ["Spot"]
    model = {"backbone": str(tmp_path / "base" / "model"), "architecture": None}
    assert run(bare, tmp_path / "further", **model, **HEAD).located_labels == ["Spot"]
    assert run(bare, tmp_path / "without", **model).located_labels is None  # no patch head
    assert run(bare, tmp_path / "never", **HEAD).located_labels == []
    assert ZoomViT(load_vit_multilabel(tmp_path / "base" / "model"), {"crop_size": 16}).located_labels == ["Spot"]


def test_labels_without_a_box_are_not_located(films):
    own = ViTMultilabel(architecture=TINY, num_labels=2, image_size=SIDE, labels=["Mass", "Spot"], **HEAD)
    datalist = json.loads((films / "datalist.json").read_text())
    items = [{**one, "image": str(films / one["image"]), "label": [1.0, *one["label"]]} for one in datalist["training"]]
    MapTraining(own, ["Mass", "Spot"], items)
    assert own.located_labels == ["Spot"]


def test_an_earlier_model_without_the_record_stays_without_it(films, tmp_path):
    run(films, tmp_path / "base", **HEAD)
    file = tmp_path / "base" / "model" / "metadata.json"
    metadata = json.loads(file.read_text())
    del metadata["preprocessing"]["located_labels"]
    file.write_text(json.dumps(metadata))
    model = {"backbone": str(tmp_path / "base" / "model"), "architecture": None}
    assert run(films, tmp_path / "further", **model, **HEAD).located_labels is None
