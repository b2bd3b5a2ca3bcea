import json
from dataclasses import replace

import pytest
import torch
from scripts.networks import ViTMultilabel, weights_sha256
from scripts.sr_training import Degradation, SrSettings, SuperResolutionTraining, train_sr
from scripts.sr_training.train_task import TaskStep
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer
from scripts.tracking import Tracker

from ..conftest import TINY
from .conftest import SMALL

PARTS = ("regression", "vqvae", "unet", "resshift/unet", "guided")
ALL = ("regression", "autoencoder", "diffusion", "resshift", "guided")


class Killed(BaseException):
    """Stands for ``kill -9``."""


def train(datalist, output_dir, **settings):
    return train_sr(datalist, output_dir, SrSettings(**{**SMALL, **settings}), Degradation())


def weights(folder, parts=PARTS):
    return [next((folder / part).glob("*.safetensors")).read_bytes() for part in parts]


@pytest.fixture(scope="module")
def whole(sr_datalist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    train(sr_datalist, folder, stages=ALL)
    return folder


def test_the_enhancer_loads_the_trained_folder(whole, sr_datalist):
    results = json.loads((whole / "metrics.json").read_text())
    assert {"bicubic", "residual", "autoencoder", "ldm", "ldm_consistent", "resshift", "guided"} <= set(results)
    provenance = json.loads((whole / "provenance.json").read_text())
    assert provenance["settings"]["data_sha256"] == sr_datalist.sha256
    assert provenance["steps"] == dict.fromkeys(ALL, 2)
    enhancer = LatentDiffusionEnhancer(whole, steps=2)
    generators = [torch.Generator().manual_seed(0)]
    assert enhancer.enhance(torch.rand(1, 1, 9, 14), generators=generators).shape == (1, 1, 36, 56)
    assert not (whole / "model_index.json").exists()  # diffusers has no pipeline for it
    assert (whole / "panel.png").stat().st_size > 1000


def test_killed_in_and_between_stages_and_continued_gives_the_same_models(sr_datalist, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.sr_training.stage._SAVE_SECONDS", 0.0)
    steps = ("RegressionStep", "AutoencoderStep", "DiffusionStep", "ResShiftStep", "GuidedStep")
    for module, name in zip(ALL, steps, strict=True):
        original = getattr(__import__(f"scripts.sr_training.train_{module}", fromlist=[name]), name).__call__
        calls = []

        def killed(self, generator, progress, original=original, calls=calls):
            calls.append(progress)
            if len(calls) > 1:
                raise Killed
            return original(self, generator, progress)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(f"scripts.sr_training.train_{module}.{name}.__call__", killed)
            train(sr_datalist, tmp_path, stages=ALL)
    train(sr_datalist, tmp_path, stages=ALL)
    assert weights(tmp_path) == weights(whole)


def test_a_stage_alone_finds_the_parts_of_earlier_runs(sr_datalist, tmp_path, whole):
    train(sr_datalist, tmp_path, stages=["regression"])
    train(sr_datalist, tmp_path, stages=["resshift"])
    assert weights(tmp_path, ["resshift/unet"]) == weights(whole, ["resshift/unet"])
    assert {"residual", "resshift"} <= set(json.loads((tmp_path / "metrics.json").read_text()))
    with pytest.raises(FileNotFoundError, match="vqvae: missing"):
        train(sr_datalist, tmp_path, stages=["diffusion"])


def test_a_part_that_changed_under_a_checkpoint_is_noticed(sr_datalist, tmp_path):
    train(sr_datalist, tmp_path, stages=["regression", "resshift"])
    with pytest.raises(ValueError, match="depends_on"):
        train(sr_datalist, tmp_path, stages=["regression", "resshift"], max_steps=3)


def test_diffusion_under_a_low_ceiling_is_rejected(sr_datalist, tmp_path, capsys):
    with pytest.raises(ValueError, match="ceiling is too low"):
        train(sr_datalist, tmp_path, ceiling_margin=50.0)
    printed = capsys.readouterr().out
    assert "residual" in printed.split("ceiling beside bicubic")[1] and not (tmp_path / "unet").exists()


def test_a_model_of_whole_images_is_fine_tuned_as_one(sr_datalist, tmp_path):
    from tests.super_resolution.tiny_ldm import write_tiny_ldm

    public = write_tiny_ldm(tmp_path / "public")
    fine = {"stages": ["diffusion"], "start_from": str(public), "crop_size": 64, "learning_rate": 1e-5}
    train(sr_datalist, tmp_path / "tuned", **fine)
    before, after = (LatentDiffusionEnhancer(folder, steps=2).model for folder in (public, tmp_path / "tuned"))
    change = (before.unet.conv_in.weight - after.unet.conv_in.weight).abs().max()
    assert 0 < change < 1e-3
    assert json.loads((tmp_path / "tuned/model_index.json").read_text())["vqvae"] == ["diffusers", "VQModel"]
    assert after.schedule["prediction_type"] == "epsilon" and after.coding.regression is None
    with pytest.raises(ValueError, match="does not fit the autoencoder"):
        train(sr_datalist, tmp_path / "mixed", **{**fine, "stages": ["regression", "diffusion"]})


def test_run_is_tracked(sr_datalist, tmp_path):
    from mlflow.tracking import MlflowClient

    output_dir = tmp_path / "sr"
    tracker = Tracker(output_dir, "sr_training")
    settings = SrSettings(**{**SMALL, "stages": ["regression"]})
    SuperResolutionTraining(sr_datalist, output_dir, tracker, settings, Degradation()).run()
    stored = json.loads((output_dir / "mlflow_runs.json").read_text())["sr_training"]
    client = MlflowClient(stored["tracking_uri"])
    run = client.get_run(stored["run_id"])
    assert run.info.status == "FINISHED" and "residual_psnr" in run.data.metrics
    assert {"panel.png", "metrics.json"} <= {file.path for file in client.list_artifacts(stored["run_id"])}


def test_the_stage_through_a_classifier_is_killed_and_continued_and_rejects_other_labels(
    sr_datalist, tmp_path, monkeypatch
):
    labels = ["Edema"]
    torch.manual_seed(0)
    ViTMultilabel(architecture=TINY, num_labels=1, image_size=32).save_pretrained(tmp_path / "model", labels=labels)
    splits = {name: [{**item, "label": [1.0]} for item in items] for name, items in sr_datalist.splits.items()}
    labelled = replace(sr_datalist, labels=labels, splits=splits)
    through = {"stages": ["regression", "task"], "classifier": str(tmp_path / "model")}
    train(labelled, tmp_path / "whole", **through)
    provenance = json.loads((tmp_path / "whole" / "provenance.json").read_text())
    assert provenance["classifier_sha256"] == weights_sha256(tmp_path / "model")
    monkeypatch.setattr("scripts.sr_training.stage._SAVE_SECONDS", 0.0)
    original, calls = TaskStep.__call__, []

    def killed(self, generator, progress):
        calls.append(progress)
        if len(calls) > 1:
            raise Killed
        return original(self, generator, progress)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(TaskStep, "__call__", killed)
        train(labelled, tmp_path / "killed", **through)
    train(labelled, tmp_path / "killed", **through)
    assert weights(tmp_path / "killed", ["regression", "task"]) == weights(tmp_path / "whole", ["regression", "task"])
    other = replace(labelled, labels=["Mass"])
    with pytest.raises(ValueError, match=r"labels do not match the data; expected \['Mass'\], found \['Edema'\]"):
        train(other, tmp_path / "other", **through)
    assert not (tmp_path / "other").exists()
