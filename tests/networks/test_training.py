"""Every addition to the network through the workflows: trained, continued at a larger size, used for prediction."""

import csv

import torch
from safetensors.torch import load_file
from scripts.networks import load_vit_multilabel
from scripts.workflow import run_workflow

ADDITIONS = {"pool": "label_tokens", "label_blocks": 1, "conv_branch": True, "drop_path": 0.2}


def test_additions_are_trained_continued_at_a_larger_size_and_predict(tiny, tmp_path, data_dir):
    run_workflow("training", overrides={**tiny, **ADDITIONS, "max_epochs": 1})
    first = tmp_path / "base" / "model"
    still = {"backbone": str(first), "architecture": None, "image_size": 64, "learning_rate": 0.0}
    second = {**tiny, **ADDITIONS, **still, "max_epochs": 1, "output_dir": str(tmp_path / "larger")}
    run_workflow("training", overrides=second)
    before, after = (
        load_file(folder / "model" / "model.safetensors") for folder in (first.parent, tmp_path / "larger")
    )
    assert before["conv_branches.1.conv.weight"].abs().sum() > 0
    for key in before:
        assert key.endswith("position_embeddings") or torch.equal(before[key], after[key]), key
    assert load_vit_multilabel(tmp_path / "larger" / "model").patch_grid == (8, 8)

    inputs = {"inputs": [str(data_dir / "test")], "model_dir": str(tmp_path / "larger" / "model"), "enhance": False}
    run_workflow("inferring", overrides={**inputs, "output_dir": str(tmp_path / "out"), "tracking_uri": "none"})
    with (tmp_path / "out" / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6
