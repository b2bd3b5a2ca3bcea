import shutil
from dataclasses import replace

import pytest
import torch
from scripts.networks import ViTMultilabel
from scripts.sr_training import Degradation
from scripts.sr_training.train_task import TaskStep, _moved_by, train_task
from scripts.sr_training.training_films import Films
from scripts.super_resolution.enhancers.residual import ResidualEnhancer
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import load_network, save_network
from scripts.super_resolution.resampling import degrade
from scripts.training.precision import AutocastInferer

from ..conftest import TINY

LABELS = ["Edema", "Mass"]


def make_classifier(size=64):
    torch.manual_seed(3)
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=size, labels=LABELS).eval()


@pytest.fixture
def classifier_folder(tmp_path):
    make_classifier().save_pretrained(tmp_path / "classifier", labels=LABELS)
    return str(tmp_path / "classifier")


@pytest.fixture
def labelled(sr_datalist):
    """The datalist of the textures with two labels."""
    splits = {
        name: [{**item, "label": [float(index % 2), 0.0]} for index, item in enumerate(items)]
        for name, items in sr_datalist.splits.items()
    }
    return replace(sr_datalist, labels=LABELS, splits=splits)


@pytest.fixture
def step(crops):
    films = Films(crops.repeat(1, 1, 2, 2).half(), torch.tensor([[1.0, float("nan")]]).repeat(len(crops), 1))
    torch.manual_seed(0)
    return TaskStep(
        RegressionNetwork(8, 1),
        make_classifier().requires_grad_(False),
        films,
        Degradation(radiographic=0.0),
        32,
        4,
        AutocastInferer("fp32"),
        "feature",
        1.0,
    )


def losses(step, seed=0):
    return step(torch.Generator().manual_seed(seed), 0.0)


def test_step_is_a_function_of_its_generator(step):
    found = [losses(step, seed)["loss"] for seed in (1, 1, 2)]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


@pytest.mark.parametrize("task_loss", ["feature", "classification"])
def test_the_classifier_moves_the_network_and_is_not_moved(step, task_loss):
    step = replace(step, task_loss=task_loss)
    losses(step)["task"].backward()
    assert step.network.exit.weight.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in step.classifier.parameters())


def test_training_by_the_features_alone_brings_them_nearer_to_those_of_the_truth(step):
    step = replace(step, task_weight=1000.0)
    optimizer = torch.optim.Adam(step.network.parameters(), lr=2e-3)
    found = []
    for _ in range(40):  # the same windows of the same films
        optimizer.zero_grad()
        loss = losses(step)
        loss["loss"].backward()
        optimizer.step()
        found.append(loss["task"].item())
    assert found[-1] < 0.7 * found[0]


def test_an_output_that_is_not_a_number_is_named_by_its_network(step):
    torch.nn.init.constant_(step.classifier.backbone.layernorm.weight, float("nan"))
    for task_loss in ("feature", "classification"):
        with pytest.raises(ValueError, match=r"classifier: returned a value that is not a number; .*precision fp32"):
            losses(replace(step, task_loss=task_loss))


def test_a_perfect_enlargement_would_not_move_the_classifier(step):
    flat = Films(torch.full((2, 1, 64, 64), 0.5).half(), torch.zeros(2, 2))
    with torch.no_grad():  # a new network adds nothing to bicubic interpolation
        for parameter in step.network.parameters():
            parameter.add_(0.05)
    networks = {"bicubic": None, "network": step.network}
    moved = _moved_by(step.classifier, networks, step.films, 32)
    assert _moved_by(step.classifier, networks, flat, 32)["bicubic"] < 1e-5 < moved["bicubic"]
    assert set(moved) == set(networks) and moved["network"] != moved["bicubic"]


def test_stage_writes_a_network_that_the_enhancer_residual_loads_and_leaves_the_one_it_started_from(
    make_run, labelled, classifier_folder, regression, tmp_path
):
    run = make_run(labelled, stages=["task"], classifier=classifier_folder)
    save_network(regression, tmp_path / "regression")
    before = (tmp_path / "regression" / "model.safetensors").read_bytes()
    metrics = train_task(run)
    assert {"task", "task_consistent", "classifier_moved_by"} == set(metrics)
    assert set(metrics["classifier_moved_by"]) == {"bicubic", "residual", "task"}
    assert (tmp_path / "regression" / "model.safetensors").read_bytes() == before
    assert (tmp_path / "task" / "model.safetensors").read_bytes() != before
    low_res = 0.2 + 0.6 * torch.rand(1, 1, 16, 16)
    enhanced = ResidualEnhancer(tmp_path / "task").enhance(low_res, generators=[])
    assert (degrade(enhanced, 4) - low_res).abs().max() < 0.01


def test_a_trained_part_is_trained_further_and_compared_with_the_regression_network(
    make_run, labelled, classifier_folder, regression, tmp_path
):
    torch.manual_seed(1)
    further = RegressionNetwork(width=8, blocks=1)
    torch.nn.init.normal_(further.exit.weight, std=0.05)
    for folder, network in (("", regression), ("start/", regression), ("start/task", further)):
        save_network(network, tmp_path / folder if folder.endswith("task") else tmp_path / folder / "regression")
    settings = {"stages": ["task"], "classifier": classifier_folder, "learning_rate": 1e-9}
    moved = {}
    for name, start in (("anew", None), ("further", str(tmp_path / "start"))):
        run = make_run(labelled, start_from=start, **settings)
        run.output_dir = shutil.copytree(tmp_path / "start", tmp_path / name, ignore=shutil.ignore_patterns("task"))
        moved[name] = train_task(run)["classifier_moved_by"]
    assert moved["anew"]["task"] == pytest.approx(moved["anew"]["residual"], rel=1e-3)
    assert moved["further"]["residual"] == moved["anew"]["residual"]
    expected = load_network(RegressionNetwork, tmp_path / "start" / "task").exit.weight
    found = load_network(RegressionNetwork, tmp_path / "further" / "task").exit.weight
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_classifier_that_changed_under_a_checkpoint_or_another_loss_is_noticed(
    make_run, labelled, classifier_folder, regression, tmp_path
):
    save_network(regression, tmp_path / "regression")
    train_task(make_run(labelled, stages=["task"], classifier=classifier_folder))
    with pytest.raises(ValueError, match="task_loss: expected 'classification', found 'feature'"):
        train_task(make_run(labelled, stages=["task"], classifier=classifier_folder, task_loss="classification"))
    network = make_classifier()
    torch.nn.init.zeros_(network.head.weight)
    network.save_pretrained(classifier_folder, labels=LABELS)
    with pytest.raises(ValueError, match="depends_on"):
        train_task(make_run(labelled, stages=["task"], classifier=classifier_folder))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classifier": None}, "classifier: the stage task trains through a classifier; .*found null"),
        ({"crop_size": 96}, "crop_size: expected at most the 64 pixels of the classifier's input, found 96"),
        ({}, "regression: missing; .*add that stage to stages, or set start_from"),
    ],
)
def test_what_the_stage_lacks_is_named(make_run, labelled, classifier_folder, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        train_task(make_run(labelled, **{"stages": ["task"], "classifier": classifier_folder, **settings}))
