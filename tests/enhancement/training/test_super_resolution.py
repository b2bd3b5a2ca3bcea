import json

import pytest
import torch
from scripts.enhancement.ldm import LatentDiffusionEnhancer
from scripts.enhancement.training import SuperResolutionTraining, train_sr
from scripts.tracking import Tracker

from .conftest import SMALL


class Killed(BaseException):
    """Stands for ``kill -9``."""


def test_leaves_a_folder_that_the_enhancer_loads(sr_datalist, tmp_path, capsys):
    results = train_sr(sr_datalist, tmp_path, max_steps=2, **SMALL)
    printed = capsys.readouterr().out
    assert printed.index("Autoencoder's ceiling beside bicubic") < printed.index("ldm_consistent")
    assert results == json.loads((tmp_path / "metrics.json").read_text())
    assert {"bicubic", "autoencoder", "ldm", "ldm_consistent", "codebook"} <= set(results)
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert provenance["settings"]["data_sha256"] == sr_datalist.sha256
    assert provenance["steps"] == {"autoencoder": 2, "diffusion": 2, "decoder": 2}
    enhancer = LatentDiffusionEnhancer(tmp_path, steps=2)
    assert next(enhancer.unet.parameters()).dtype == next(enhancer.vqvae.parameters()).dtype == torch.float32
    generators = [torch.Generator().manual_seed(0)]
    assert enhancer.enhance(torch.rand(1, 1, 9, 14), generators=generators).shape == (1, 1, 36, 56)
    index = json.loads((tmp_path / "model_index.json").read_text())
    assert index["vqvae"] == ["diffusers", "VQModel"]


def test_killed_between_stages_and_continued_gives_the_same_model(sr_datalist, tmp_path, monkeypatch):
    train_sr(sr_datalist, tmp_path / "whole", max_steps=2, **SMALL)

    def kill(*args):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("scripts.enhancement.training.super_resolution.DecoderStep", kill)
        train_sr(sr_datalist, tmp_path / "killed", max_steps=2, **SMALL)
    train_sr(sr_datalist, tmp_path / "killed", max_steps=2, **SMALL)
    for part in ("unet", "vqvae"):
        files = [tmp_path / run / part / "diffusion_pytorch_model.safetensors" for run in ("whole", "killed")]
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("wrong", [{"crop_size": 40}, {"autoencoder_channels": (8, 8)}, {"unet_channels": (16, 40)}])
def test_sizes_that_cannot_be_halved_are_refused(sr_datalist, tmp_path, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        train_sr(sr_datalist, tmp_path, **{**SMALL, **wrong})


def test_run_is_tracked(sr_datalist, tmp_path):
    from mlflow.tracking import MlflowClient

    output_dir = tmp_path / "ldm"
    tracker = Tracker(output_dir, "sr_training")
    SuperResolutionTraining(sr_datalist, output_dir, tracker, max_steps=1, **SMALL).run()
    stored = json.loads((output_dir / "mlflow_runs.json").read_text())["sr_training"]
    run = MlflowClient(stored["tracking_uri"]).get_run(stored["run_id"])
    assert run.info.status == "FINISHED" and "ldm_consistent_psnr" in run.data.metrics
