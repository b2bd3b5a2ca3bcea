"""What ``benchmarks/ship_sr.py`` copies of a training into the model folder that ships."""

import shutil

import torch
from scripts.sr_training.train_diffusion import build_unet
from scripts.super_resolution.enhancers.resshift import ResShiftEnhancer, ShiftSchedule, save_schedule
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import hash_parts, save_network

from benchmarks.ship_sr import copy_parts


def test_the_regression_network_is_shipped_once_until_another_one_is_trained(regression, tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    torch.manual_seed(0)
    for part in ("regression", "resshift/regression"):
        save_network(regression, run / part)
    save_network(build_unet(17, 16, (16, 32), sample_size=8), run / "resshift" / "unet")
    save_schedule(run / "resshift", ShiftSchedule(residual_std=0.01))
    trained = ResShiftEnhancer(run).weights_hash
    copy_parts(run, out)
    assert not (out / "resshift" / "regression").exists() and ResShiftEnhancer(out).weights_hash == trained
    shutil.rmtree(run / "resshift")
    save_network(RegressionNetwork(width=8, blocks=1), run / "regression")
    copy_parts(run, out)
    assert hash_parts(out / "regression") == hash_parts(run / "regression")
    assert ResShiftEnhancer(out).weights_hash == trained  # it keeps the network that it was trained with
