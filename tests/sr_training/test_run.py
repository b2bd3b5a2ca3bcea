import json

import pytest
import torch
from scripts.sr_training.train_diffusion import build_unet
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer, parts_of
from scripts.super_resolution.enhancers.resshift import ResShiftEnhancer, ShiftSchedule, save_schedule
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import hash_parts, save_network

from ..super_resolution.tiny_ldm import write_tiny_ldm


def test_a_missing_part_names_its_stage(make_run):
    with pytest.raises(FileNotFoundError, match=r"stage 'autoencoder'.*start_from"):
        make_run().part("vqvae")


def test_parts_without_a_stage_are_copied(make_run, tmp_path, regression):
    public = tmp_path / "public"
    save_network(regression, public / "regression")
    run = make_run(stages=["autoencoder"], start_from=str(public))
    run.output_dir = tmp_path / "out"
    run.output_dir.mkdir()
    run.copy_untrained_parts()
    assert (run.part("regression") / "config.json").read_bytes() == (public / "regression/config.json").read_bytes()
    trained_here = make_run(stages=["regression"], start_from=str(public))
    trained_here.output_dir = tmp_path / "other"
    trained_here.output_dir.mkdir()
    trained_here.copy_untrained_parts()
    assert not trained_here.has("regression")


@pytest.fixture
def public(tmp_path):
    """Model folder with a gain, in which ``resshift/`` uses the regression network of the folder."""
    folder = write_tiny_ldm(tmp_path / "public")
    (folder / "gain.json").write_text(json.dumps({"gain": 0.25, "weights": hash_parts(*parts_of(folder))}))
    torch.manual_seed(0)
    for part in ("task", "guided"):  # these are only copied here
        save_network(RegressionNetwork(width=8, blocks=1), folder / part)
    save_network(build_unet(17, 16, (16, 32), sample_size=8), folder / "resshift" / "unet")
    save_schedule(folder / "resshift", ShiftSchedule(residual_std=0.01))
    return folder


def started(make_run, public, folder, *stages):
    """Output folder of a run with these stages, before their training."""
    run = make_run(stages=stages, start_from=str(public))
    run.output_dir = folder
    run.output_dir.mkdir()
    run.copy_untrained_parts()
    return folder


def test_the_gain_is_copied_with_the_weights_that_it_was_chosen_for(make_run, public, tmp_path):
    for stage in ("task", "guided", "resshift"):
        assert LatentDiffusionEnhancer(started(make_run, public, tmp_path / stage, stage)).gain == 0.25
    for stage in ("regression", "autoencoder", "diffusion"):
        assert not (started(make_run, public, tmp_path / stage, stage) / "gain.json").exists()


def test_the_gain_of_other_weights_and_one_that_is_there_stay(make_run, public, tmp_path):
    run = make_run(stages=["task"], start_from=str(public))
    run.output_dir = write_tiny_ldm(tmp_path / "other", seed=1)
    run.copy_untrained_parts()
    assert not (run.output_dir / "gain.json").exists()
    own = started(make_run, public, tmp_path / "own", "task")
    (own / "gain.json").write_text("{}")
    run.output_dir = own
    run.copy_untrained_parts()
    assert (own / "gain.json").read_text() == "{}"


def test_every_part_that_no_stage_trains_is_copied(make_run, public, tmp_path):
    for stage in ("task", "resshift", "guided"):
        folder = started(make_run, public, tmp_path / stage, stage)
        others = {"task", "resshift", "guided", "unet", "vqvae", "scheduler"} - {stage}
        assert {path.name for path in folder.iterdir() if path.is_dir()} == others


def test_resshift_keeps_its_regression_network_when_another_one_is_trained(make_run, public, regression, tmp_path):
    save_network(regression, public / "regression")
    folder = started(make_run, public, tmp_path / "out", "regression")
    save_network(RegressionNetwork(width=8, blocks=1), folder / "regression")
    assert ResShiftEnhancer(folder).weights_hash == ResShiftEnhancer(public).weights_hash
    assert hash_parts(folder / "regression") != hash_parts(public / "regression")


def test_a_start_folder_that_does_not_exist_is_rejected(make_run, tmp_path):
    with pytest.raises(FileNotFoundError, match="start_from"):
        make_run(start_from=str(tmp_path / "absent")).copy_untrained_parts()


def test_initial_weights_do_not_depend_on_earlier_runs(make_run):
    run, drawn = make_run(), []
    for _ in range(2):
        run.seed_weights("regression")
        drawn.append(torch.randn(3))
        torch.randn(100)
    run.seed_weights("diffusion")
    assert torch.equal(*drawn) and not torch.equal(drawn[0], torch.randn(3))
