from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scripts.evaluation.comparing import _case_names, compare

from .conftest import evaluate


@pytest.fixture
def arms(tmp_path: Path, case: tuple) -> tuple[Path, Path]:
    """Base and a better model with three evaluated seeds each."""
    logits, targets = case
    rng = np.random.default_rng(1)
    for arm, gain in (("base", 0), ("retrained", 2)):
        for seed in range(3):
            folder = tmp_path / arm / f"seed_{seed}"
            scores = logits + gain * (targets == 1) + 0.1 * rng.normal(size=logits.shape)
            evaluate(folder, f"/{arm}", ".png", scores, targets)
            record(folder, seed=seed, data_sha256=arm)
    return tmp_path / "base", tmp_path / "retrained"


def record(folder: Path, **changes: object) -> None:
    """Write the record of a training."""
    settings = {"seed": 0, "data_sha256": "a", "learning_rate": 0.1, "keep": "last"} | changes
    (folder / "run_report.json").write_text(json.dumps({"settings": settings}), encoding="utf-8")


def test_compare_pairs_the_enhanced_tree_with_the_original_one(tmp_path: Path, case: tuple) -> None:
    logits, targets = case
    base = evaluate(tmp_path / "base", "/data/films", ".jpg", logits, targets)
    better = evaluate(tmp_path / "retrained", "/run/enhanced", ".png", logits + 2 * (targets == 1), targets)
    result = compare(tmp_path / "base", tmp_path / "retrained", tmp_path / "comparison.json", bootstrap=100)
    assert result["macro"]["auroc"]["base"] == pytest.approx(base["macro"]["auroc"])
    assert result["macro"]["auroc"]["retrained"] == pytest.approx(better["macro"]["auroc"])
    assert result["verdict"] == "no verdict" and "the chance of training" in result["sentence"]
    assert json.loads((tmp_path / "comparison.json").read_text()) == result


def test_other_cases_are_rejected(tmp_path: Path, case: tuple) -> None:
    logits, targets = case
    evaluate(tmp_path / "base", "/data", ".png", logits, targets)
    evaluate(tmp_path / "short", "/data", ".png", logits[:50], targets[:50])
    evaluate(tmp_path / "shuffled", "/data", ".png", logits[::-1], targets[::-1])
    with pytest.raises(ValueError, match="found 50"):
        compare(tmp_path / "base", tmp_path / "short", tmp_path / "c.json")
    with pytest.raises(ValueError, match="same split"):
        compare(tmp_path / "base", tmp_path / "shuffled", tmp_path / "c.json")
    with pytest.raises(FileNotFoundError):
        compare(tmp_path / "base", tmp_path / "absent", tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


def test_case_names_keep_uids() -> None:
    assert _case_names(["/a/1.2.840.5", "/a/1.2.840.6"]) == ["1.2.840.5", "1.2.840.6"]
    assert _case_names(["/a/x/1.dcm", "/a/y/2.nii.gz"]) == ["x/1", "y/2"]


def test_seeds_of_both_arms_are_compared(arms: tuple, tmp_path: Path) -> None:
    result = compare(*arms, tmp_path / "comparison.json", bootstrap=100)
    assert result["verdict"] == "supported" and result["control"]["pairs"] == 3
    assert [row["seed"] for row in result["seeds"]] == [0, 1, 2]
    assert len(set(result["base_model_sha256"] + result["retrained_model_sha256"])) == 6
    assert not [caution for caution in result["cautions"] if "trained alike" in caution]
    assert json.loads((tmp_path / "comparison.json").read_text()) == result


def test_arms_with_other_seeds_are_rejected_by_name(arms: tuple, tmp_path: Path) -> None:
    base, retrained = arms
    shutil.rmtree(base / "seed_2")
    with pytest.raises(ValueError, match=r"base and .*retrained: seeds differ; .* seeds 0, 1 and seeds 0, 1, 2; train"):
        compare(base, retrained, tmp_path / "c.json")
    with pytest.raises(ValueError, match="a single training and seeds 0, 1, 2"):
        compare(base / "seed_0", retrained, tmp_path / "c.json")


def test_an_interrupted_set_is_rejected_by_the_name_of_its_folder(arms: tuple, tmp_path: Path) -> None:
    (arms[1] / "seed_2" / "predictions.json").unlink()
    with pytest.raises(FileNotFoundError, match="seed_2"):
        compare(*arms, tmp_path / "c.json")


@pytest.mark.parametrize("changed", [{"data_sha256": "other"}, {"learning_rate": 0.2}])
def test_other_data_or_settings_within_an_arm_are_rejected(changed: dict, arms: tuple, tmp_path: Path) -> None:
    record(arms[1] / "seed_1", **({"seed": 1, "data_sha256": "retrained"} | changed))
    with pytest.raises(ValueError, match=rf"retrained.seed_1.* found others for {next(iter(changed))}; remove"):
        compare(*arms, tmp_path / "c.json")


def test_a_folder_with_the_training_of_another_seed_is_rejected(arms: tuple, tmp_path: Path) -> None:
    record(arms[0] / "seed_1", seed=0, data_sha256="base")
    with pytest.raises(ValueError, match=r"seed_1.*another seed; expected 1"):
        compare(*arms, tmp_path / "c.json")
    (arms[0] / "seed_1" / "run_report.json").write_text("[]")
    with pytest.raises(ValueError, match=r"seed_1.*no settings"):
        compare(*arms, tmp_path / "c.json")
    (arms[0] / "seed_1" / "run_report.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"seed_1.*no record of the training"):
        compare(*arms, tmp_path / "c.json")


def test_a_copied_training_is_no_seed(arms: tuple, case: tuple, tmp_path: Path) -> None:
    logits, targets = case
    evaluate(arms[0] / "seed_1", "/base", ".png", logits, targets, weights=str(arms[0] / "seed_0"))
    with pytest.raises(ValueError, match=r"seed_1: the same weights as .*seed_0"):
        compare(*arms, tmp_path / "c.json")


def test_arms_that_were_not_trained_alike_get_a_caution(arms: tuple, tmp_path: Path) -> None:
    for seed in range(3):
        record(arms[1] / f"seed_{seed}", seed=seed, data_sha256="retrained", image_size=384)
    (caution,) = compare(*arms, tmp_path / "c.json", bootstrap=50)["cautions"][-1:]
    assert "not trained alike" in caution and "image_size (None and 384)" in caution


def test_an_arm_that_was_trained_on_fewer_films_gets_a_caution(arms: tuple, tmp_path: Path) -> None:
    for arm, share in zip(arms, (0.2, 0.5), strict=True):
        for seed in range(3):
            record(arm / f"seed_{seed}", seed=seed, data_sha256=arm.name, prevalence=[share])
    (caution,) = compare(*arms, tmp_path / "c.json", bootstrap=50)["cautions"][-1:]
    assert "not trained alike" in caution and "the training films, whose share of positive labels differs" in caution
