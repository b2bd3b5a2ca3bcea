import pytest
from scripts.workflow import WORKFLOWS, check_overrides, config_files, parse_overrides, run_workflow


def test_values_are_typed():
    found = parse_overrides(["--max_epochs", "3", "--learning_rate=1e-5", "--backbone", "null", "--inputs", "[a, b]"])
    assert found == {"max_epochs": 3, "learning_rate": 1e-5, "backbone": None, "inputs": ["a", "b"]}


@pytest.mark.parametrize("arguments", [["--max_epochs"], ["max_epochs", "3"]])
def test_half_an_override_is_refused(arguments):
    with pytest.raises(ValueError, match="expected --key value"):
        parse_overrides(arguments)


@pytest.mark.parametrize(
    ("key", "nearest"), [("mx_epochs", "max_epochs"), ("train::trainer::max_epoch", "train::trainer::max_epochs")]
)
def test_mistyped_override_names_the_nearest_key(key, nearest):
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        check_overrides(config_files("training", []), {key: 1})


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_workflow_has_its_files(workflow):
    assert all(path.exists() for path in config_files(workflow, []))


def test_unknown_workflow_and_overlay_are_refused():
    with pytest.raises(ValueError, match="did you mean 'training'"):
        config_files("trainin", [])
    with pytest.raises(ValueError, match="did you mean 'paper'"):
        config_files("training", ["papr"])
    with pytest.raises(ValueError, match="found 'zoom'"):
        config_files("evaluating", ["zoom"])


def test_several_processes_without_torchrun_are_refused(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="torchrun --standalone"):
        run_workflow("training", overlays=["multi_gpu"])
