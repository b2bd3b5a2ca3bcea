"""The training workflow for each arm, on a network and films of seconds."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scripts.data.datalist import load_datalist
from scripts.experiments.ablation import finetuning
from scripts.experiments.ablation.arm_enhancers import Enhancers
from scripts.experiments.ablation.arms import View, parse_arms
from scripts.experiments.ablation.cases import Cases
from scripts.experiments.ablation.finetuning import FinetuneLearner
from scripts.super_resolution.region_enhancer import EnhanceSettings

TRAINING = {"max_epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "precision": "fp32", "num_workers": 1}


def make(out, backbone, zoom_size=32, fold_training=None, **training):
    regions = EnhanceSettings(count=2, window=16)
    return FinetuneLearner(
        out,
        {"backbone": str(backbone), **TRAINING, **training},
        image_size=32,
        zoom_size=zoom_size,
        enhancer_of=Enhancers("none"),
        regions=regions,
        source_size=16,
        seeds=1,
        attention_folds=2,
        fold_training=fold_training,
    )


def test_arms_are_trained_once_with_regions_of_models_that_did_not_see_them(films, backbone, tmp_path, monkeypatch):
    cases = Cases.of(load_datalist(films / "datalist.json"))
    arms = parse_arms({
        "plain": {},
        "native": {"mode": "zoom", "enhancer": "native"},
        "mean": {"mode": "zoom", "enhancer": "native", "selector": "mean_map"},
        "frozen": {"mode": "paste_back", "enhancer": "bicubic", "train_on": "plain"},
    })  # fmt: skip
    learner = make(tmp_path, backbone, zoom_size=16)
    assert learner.prepare(cases, arms) == []
    plain = learner.view_folder(View(), 0)
    taught = [{item["image"] for item in json.loads((plain / f"fold{k}.json").read_text())["training"]} for k in (0, 1)]
    everyone = {case.name for case in cases.cases if case.split == "training"}
    assert taught[0] | taught[1] == everyone and not taught[0] & taught[1]
    maps = {case.name: grid for case, grid in zip(cases.cases, learner.fold_maps.of_cases(cases), strict=True)}
    for case in cases.cases:  # one model each, which has not seen the patient, in all splits alike
        of_models = [learner.fold_maps.of_model([case], tmp_path / "folds" / str(k) / "model")[0] for k in (0, 1)]
        chosen = [k for k in (0, 1) if np.array_equal(of_models[k], maps[case.name])]
        assert len(chosen) == 1 and case.name not in {"/".join(Path(path).parts[-2:]) for path in taught[chosen[0]]}
    scores = {name: learner.scores(cases, arm) for name, arm in arms.items()}
    assert all(values.shape == (1, 48, 2) and np.isfinite(values).all() for values in scores.values())
    assert not np.array_equal(scores["plain"], scores["native"])
    assert 0 < np.abs(scores["plain"] - scores["frozen"]).max() < 0.1  # the same model, nearly the same images
    test = learner.view_folder(arms["mean"].test_view, 0) / "test"
    assert len({path.read_text() for path in test.glob("*.json")}) == 1  # one mean map for all test images
    assert learner.cost(cases, arms["native"])["tokens"] == 27

    def refuse(*_, **__):
        raise AssertionError("a finished arm was run again")

    monkeypatch.setattr(finetuning, "run_workflow", refuse)
    again = make(tmp_path, backbone, zoom_size=16)
    again.prepare(cases, arms)
    assert all(np.array_equal(again.scores(cases, arm), scores[name]) for name, arm in arms.items())


def test_an_arm_with_its_own_training_has_its_own_model_and_a_patch_head_learns_from_boxes(films, backbone, tmp_path):
    datalist = load_datalist(films / "datalist.json")
    for item in datalist.splits["training"]:
        item["boxes"] = [{"label": "Large", "xywh": [0, 0, 32, 64]}] if item["label"][1] else []
    cases = Cases.of(datalist)
    arms = parse_arms({"plain": {}, "branch": {"training": {"conv_branch": True}}})
    learner = make(tmp_path, backbone, patch_head=True)
    learner.prepare(cases, arms)
    written = json.loads((learner.view_folder(View(), 0) / "datalist.json").read_text())["training"]
    assert [{"label": "Large", "xywh": [0, 0, 8, 16]}] in [item.get("boxes") for item in written]  # 64 -> 16 pixels
    scores = {name: learner.scores(cases, arm) for name, arm in arms.items()}
    assert len(list((tmp_path / "models").iterdir())) == 2 and scores["branch"].shape == scores["plain"].shape
    bad = parse_arms({"branch": {"training": {"conv_brunch": True}}})
    with pytest.raises(ValueError, match=r"arms: branch: training: key: .*did you mean 'conv_branch'"):
        learner.check_arms(bad)


def test_settings_that_the_experiment_makes_are_refused(backbone, tmp_path):
    with pytest.raises(ValueError, match=r"training: the experiment sets these itself.*'seed'"):
        make(tmp_path, backbone, seed=3)
    with pytest.raises(ValueError, match=r"training: key: .*found 'max_epoch'; did you mean 'max_epochs'"):
        make(tmp_path, backbone, max_epoch=3)


def test_fold_models_may_not_start_from_a_network_that_has_seen_the_films(films, backbone, seen, tmp_path):
    cases, out = Cases.of(load_datalist(films / "datalist.json")), tmp_path / "out"
    message = r'^fold_training: backbone: .*found 3 of 104; .*--fold_training "\{max_epochs: 2, backbone: FOLDER\}"$'
    for learner in (
        make(out, seen, fold_training={"max_epochs": 2}),
        make(out, backbone, fold_training={"max_epochs": 2, "backbone": str(seen)}),
    ):
        with pytest.raises(ValueError, match=message):
            learner.check_films(cases)
    make(out, seen, fold_training={"backbone": str(backbone)}).check_films(cases)  # it has no record
    make(out, seen, fold_training={"backbone": None}).check_films(cases)  # random weights
    make(out, seen).check_films(Cases.of(load_datalist(films / "datalist.json")).without(cases.images[-48:-45]))


def test_changed_weights_or_pixels_end_a_continuation(films, backbone, tmp_path):
    base, data = shutil.copytree(backbone, tmp_path / "base"), shutil.copytree(films, tmp_path / "films")
    cases, arms = Cases.of(load_datalist(data / "datalist.json")), parse_arms({"plain": {}})
    learner = make(tmp_path / "out", base)
    learner.check_folder(cases, arms)
    path = tmp_path / "out" / "shared.json"
    first = json.loads(path.read_text())
    earlier = {key: value for key, value in first.items() if key != "backbones"}
    earlier["settings"] = {key: value for key, value in first["settings"].items() if key != "films_sha256"}
    path.write_text(json.dumps(earlier))  # of a version that did not record them
    learner.check_folder(cases, arms)
    assert json.loads(path.read_text()) == first and "films_sha256" not in learner.settings
    tensors = load_file(base / "model.safetensors")
    save_file({key: value + 1 for key, value in tensors.items()}, base / "model.safetensors")
    with pytest.raises(ValueError, match=f"expected the same backbones: {base}; use another trainings_dir"):
        learner.check_folder(cases, arms)
    save_file(tensors, base / "model.safetensors")
    (data / "test" / "0.png").write_bytes((data / "test" / "1.png").read_bytes())
    with pytest.raises(ValueError, match="expected the same settings: films_sha256; use another trainings_dir"):
        learner.check_folder(cases, arms)
