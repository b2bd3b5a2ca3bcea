"""Who may read what is written, with the usual umask: nobody else, unless outputs are shared."""

import os
from pathlib import Path

import pytest
from scripts.cli import app, main
from scripts.common.atomic import SHARED
from scripts.workflow import run_workflow
from typer.testing import CliRunner

QUICK = {"steps": 1, "window": 8, "region_count": 2, "working_size": "null", "batch_size": 4, "enhancer": "bicubic"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder that everybody may read, and a program that was started with umask 022."""
    monkeypatch.delenv(SHARED, raising=False)
    folder = tmp_path / "site"
    folder.mkdir()
    tmp_path.chmod(0o755)
    before = os.umask(0o022)
    folder.chmod(0o755)
    yield folder
    os.umask(before)


def call(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def settings(overrides):
    return [part for key, value in overrides.items() for part in (f"--{key}", value)]


def readable(folder: Path) -> list[str]:
    """What others can list or read below a folder."""
    found = []
    for path in folder.iterdir():
        mode = path.stat().st_mode
        if mode & 0o077:
            found.append(str(path.name))
        if path.is_dir() and mode & 0o011:
            found += readable(path)
    return found


def pipeline(site, data_dir, tiny, *options):
    """Train, enhance and predict by the command line, with MLflow; one of the folders is there already."""
    (site / "enhanced").mkdir()
    training = {**tiny, "output_dir": site / "base", "max_epochs": 1, "cache_dir": site / "cache"}
    del training["tracking_uri"]
    common = {"dataset_dir": data_dir, "base_dir": site / "base"}
    training = {key: "null" if value is None else value for key, value in training.items()}
    call(*options, "run", "training", *settings(training))
    call(*options, "run", "enhancing", *settings({**common, **QUICK, "output_dir": site / "enhanced"}))
    predicting = {"inputs": f"['{data_dir / 'test'}']", "output_dir": site / "new" / "out", "enhancer": "bicubic"}
    call(*options, "run", "inferring", *settings({**predicting, "model_dir": site / "base" / "model"}))


def test_nobody_else_reads_what_the_commands_write(site, data_dir, tiny):
    pipeline(site, data_dir, tiny)
    assert readable(site) == ["enhanced"]  # was there
    folders = [path for path in site.rglob("*") if path.is_dir() and path.name != "enhanced"]
    assert {"base", "model", "cache", "new", "out", "overlays", "mlruns"} <= {path.name for path in folders}
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    files = [path for path in site.rglob("*") if path.is_file()]
    names = {"model.safetensors", "history.csv", "manifest.jsonl", "predictions.csv", "datalist.json", "mlruns.db"}
    assert names <= {path.name for path in files}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert os.umask(0o022) == 0o022 and SHARED not in os.environ  # the choice ends with the command


def test_shared_outputs_follow_the_umask(site, data_dir, tiny):
    pipeline(site, data_dir, tiny, "--shared")
    assert {path.stat().st_mode & 0o777 for path in site.rglob("*") if path.is_dir()} == {0o755}
    # safetensors writes a file for its owner alone, whatever the umask is.
    files = [path for path in site.rglob("*") if path.is_file() and path.suffix != ".safetensors"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


def test_dicom_objects_are_private_where_a_workflow_is_run_from_python(site, tiny, data_dir):
    from .dicom.synthetic import make_dataset, picture, save, window
    from .test_cli import tiny_model

    film = save(make_dataset(picture(), **window()), site.parent / "film.dcm")
    overrides = {"inputs": [str(film)], "model_dir": str(tiny_model(site / "model")), "enhancer": "bicubic"}
    overrides |= {"output_dir": str(site / "out"), "tracking_uri": "none", "dicom": True}
    run_workflow("inferring", overrides=overrides)
    run_workflow("training", overrides={**tiny, "output_dir": str(site / "base"), "max_epochs": 1})
    assert readable(site) == []
    assert len(list(site.glob("out/dicom/*/*.dcm"))) == 5 and (site / "base" / "model").is_dir()


def test_variable_shares_as_the_option_does(site, monkeypatch):
    monkeypatch.setenv(SHARED, "1")
    call("phantoms", site / "shared", "--patients", 3, "--size", 64)
    monkeypatch.setenv(SHARED, "0")
    call("phantoms", site / "private", "--patients", 3, "--size", 64)
    assert [(site / name).stat().st_mode & 0o777 for name in ("shared", "private")] == [0o755, 0o700]
    assert readable(site / "private") == []


@pytest.mark.parametrize("value", ["", "yes", "true\n\x1b[2J"])
def test_variable_that_is_not_understood_ends_the_command(site, monkeypatch, value):
    monkeypatch.setenv(SHARED, value)
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "phantoms", str(site / "out")])
    with pytest.raises(SystemExit, match=r"^error: CXR_SHARED_OUTPUT: not understood; expected 0 .* or 1") as stop:
        main()
    assert str(stop.value).isprintable() and not (site / "out").exists()
