import pytest
import torch
from scripts.super_resolution.networks.weight_folder import save_network


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
