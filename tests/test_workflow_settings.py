import re

import pytest
from scripts.workflow_settings import CONFIG_DIR, WORKFLOWS, settings_help, workflow_name, workflow_settings


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("training", "training"),
        ("calibration", "calibrating"),
        ("sr_evaluation", "sr_evaluating"),
        ("sr-evaluation", "sr_evaluating"),
        ("ablation", "ablating"),
        ("sr-training", "sr_training"),
    ],
)
def test_former_names_and_dashes_name_the_same_workflow(written, name):
    assert workflow_name(written) == name


def test_an_unknown_workflow_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'calibrating'"):
        workflow_name("calibratng")


@pytest.mark.parametrize("former", ["calibration", "sr_evaluation", "ablation"])
def test_configurations_answer_to_the_former_name_too(former):
    text = (CONFIG_DIR / WORKFLOWS[workflow_name(former)][-1]).read_text()
    assert f'\n{workflow_name(former)}: "%run"\n{former}: "%run"' in text


def test_an_overlay_lists_its_own_default_once_and_then_the_settings_of_training():
    found = {setting.key: setting for setting in workflow_settings("zooming")}
    assert found["output_dir"].default == "outputs/zoom" and found["max_epochs"].default == "30"
    keys = [setting.key for setting in workflow_settings("zooming")]
    assert len(keys) == len(set(keys)) and keys.index("zoom_count") < keys.index("max_epochs")


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_help_says_what_every_setting_means_and_how_it_is_set(workflow, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = settings_help(workflow)
    flat = re.sub(r"\s+", " ", text)
    for key, default, meaning in workflow_settings(workflow):
        assert f"--{key} {default} {meaning}" in flat
