import pytest
from monai.bundle import ConfigParser
from scripts.workflow import WORKFLOWS, _check_overrides, _config_files, run_workflow


@pytest.mark.parametrize(
    ("key", "nearest"), [("mx_epochs", "max_epochs"), ("train::trainer::max_epoch", "train::trainer::max_epochs")]
)
def test_mistyped_override_names_the_nearest_key(key, nearest):
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        _check_overrides(_config_files("training", []), {key: 1})


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_workflow_has_its_files(workflow):
    assert all(path.exists() for path in _config_files(workflow, []))


def test_unknown_workflow_and_overlay_are_refused():
    with pytest.raises(ValueError, match="did you mean 'training'"):
        _config_files("trainin", [])
    with pytest.raises(ValueError, match="did you mean 'paper'"):
        _config_files("training", ["papr"])
    with pytest.raises(ValueError, match="found 'zoom'"):
        _config_files("evaluating", ["zoom"])
    with pytest.raises(ValueError, match="found 'experiment_paper'"):
        _config_files("training", ["experiment_paper"])


def test_several_processes_without_torchrun_are_refused(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="torchrun --standalone"):
        run_workflow("training", overlays=["multi_gpu"])


@pytest.mark.parametrize("workflow", ["training", "enhancing", "zooming", "inferring", "sr_evaluation", "ablation"])
@pytest.mark.parametrize("overlays", [[], ["paper"]])
@pytest.mark.parametrize("key", ["ldm", "sr_model"])
def test_super_resolution_weights_are_found_under_the_name_and_the_former_name(workflow, overlays, key):
    parser = ConfigParser(ConfigParser.load_config_files([str(path) for path in _config_files(workflow, overlays)]))
    parser[key] = "outputs/sr"
    assert parser.get_parsed_content("sr_model") == "outputs/sr"
