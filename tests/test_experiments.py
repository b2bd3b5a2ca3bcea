"""The declared experiments: their overlays, end to end on a tiny network."""

import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image
from scripts.common.setting_checks import check_settings
from scripts.workflow import CONFIG_DIR, merged_config, run_workflow

NAMES = ("experiment_zoom", "experiment_task", "experiment_paper")


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_changes_only_settings_that_exist_and_measures_the_chance_of_training(name):
    own = yaml.safe_load((CONFIG_DIR / f"{name}.yaml").read_text())
    assert set(own) <= set(merged_config("ablating"))
    check_settings(own)
    assert own["learn"] == "finetune" and own["seeds"] >= 3
    arms = {own["primary"]["arm"], own["primary"]["control"], *own["primary"]["also_above"], own["reference"]}
    assert arms <= set(own["arms"]) and all({row[0], row[1]} <= set(own["arms"]) for row in own["secondary"])


@pytest.mark.parametrize("name", NAMES)
def test_the_command_of_an_experiment_gives_the_fold_models_a_backbone_of_their_own(name):
    text = (CONFIG_DIR / f"{name}.yaml").read_text()
    (shown,) = re.findall(r'^#.*--fold_training "(.*)"', text, re.MULTILINE)
    assert yaml.safe_load(shown) == {**yaml.safe_load(text)["fold_training"], "backbone": "UNSEEN"}


@pytest.fixture
def films(tmp_path):
    """Films of 64 pixels with a bright half and its box."""
    rng, folder, datalist = np.random.default_rng(0), tmp_path / "films", {"labels": ["Fine", "Large"]}
    folder.mkdir()
    for split, count in (("training", 12), ("validation", 4), ("test", 32)):
        datalist[split] = []
        for number in range(count):
            label = [number % 2, number // 2 % 2]
            pixels = rng.uniform(0.35, 0.45, (64, 64))
            pixels[:, :32] += 0.2 * label[1]
            Image.fromarray((pixels * 255).astype(np.uint8)).save(folder / f"{split}{number}.png")
            item = {"image": f"{split}{number}.png", "label": label, "patient_id": f"{split}{number}"}
            if label[1]:
                item["boxes"] = [{"label": "Large", "xywh": [0, 0, 32, 64]}]
            datalist[split].append(item)
    (folder / "datalist.json").write_text(json.dumps(datalist))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_ends_with_a_verdict_over_three_seeds(name, films, tmp_path):
    architecture = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    own = yaml.safe_load((CONFIG_DIR / f"{name}.yaml").read_text())
    primary = own["primary"]
    needed = {primary["arm"], primary["control"], own["reference"]}
    arms = {key: arm for key, arm in own["arms"].items() if key in needed}
    interpolated = {
        key: {**arm, "enhancer": "lanczos"} if arm.get("enhancer") in ("@enhancer", "pixels", "task_driven") else arm
        for key, arm in arms.items()
    }
    run_workflow(
        "ablating",
        overlays=[name],
        overrides={
            "dataset_dir": str(films),
            "output_dir": str(tmp_path / "out"),
            "attempts_dir": str(tmp_path / "attempts"),
            "tracking_uri": "none",
            "image_size": 32,
            "zoom_size": 16,
            "source_size": 32,
            "window": 16,
            "region_count": 1,
            "attention_folds": 2,
            "arms": interpolated,
            "primary": {**primary, "also_above": []},
            "secondary": [],
            "fine_labels": ["Fine"],
            "large_labels": ["Large"],
            "precision": "fp32",
            "bootstrap": 100,
            "fold_training": {**own["fold_training"], "max_epochs": 1},
            "training": {
                **own["training"],
                "backbone": None,
                "architecture": {**architecture, "patch_size": 8},
                "frozen_blocks": 0,
                "batch_size": 12,
                "num_workers": 1,
            },
        },
    )
    content = json.loads((tmp_path / "out" / "ablation.json").read_text())
    declared = json.loads((tmp_path / "out" / "protocol.json").read_text())
    assert content["verdict"] in ("supported", "worse", "not supported", "inconclusive")
    assert content["independent_seeds"]
    assert len(content["primary"]["of_seeds"]) == 3 and content["primary"]["detectable"] > 0
    assert declared["primary"]["arm"] == primary["arm"] and content["arms"][primary["arm"]]["seconds"] > 0
