"""Names that look like MONAI's expressions, references and macros stay names, at every command, API and integration.

Each test runs in a folder with ``gadget.json``, which a macro could load; what is evaluated leaves a file ``ran``.
"""

import json
import os
import shutil
import subprocess

import pytest
from scripts.cli import app
from scripts.inference import Predictor
from scripts.workflow import CONFIG_DIR, run_workflow
from typer.testing import CliRunner

from .conftest import LABELS
from .integrations.conftest import ROOT, environment
from .pacs.conftest import fake, film
from .test_cli import tiny_model

__all__ = ["fake"]

TOUCH = "__import__('pathlib').Path('ran').touch()"
NAMES = [f"${TOUCH} or 'x'", "@inputs", "%gadget.json::k", "a#b"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder; nothing may have been evaluated at the end."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gadget.json").write_text(json.dumps({"k": f"${TOUCH}"}))
    yield tmp_path
    assert not list(tmp_path.rglob("ran"))


@pytest.fixture
def image(data_dir, tmp_path):
    """A radiograph that the gate is not asked about: a phantom."""
    from scripts.phantom import write_phantom_studies

    write_phantom_studies(tmp_path / "drawn", n_patients=1, size=128)
    return next((tmp_path / "drawn").rglob("image.dcm"))


def call(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize("name", NAMES)
def test_predict_takes_a_film_an_output_and_a_model_of_that_name(name, image, folder):
    model = shutil.move(tiny_model(folder), name)
    film, out = shutil.copy(image, f"{name}.dcm"), f"{name} out"
    done = call("predict", film, "--out", out, "--model", model)
    assert done.exit_code == 0, done.output
    (item,) = json.loads((folder / out / "predictions.json").read_text())["items"]
    assert item["image"] == film and item["status"] == "ok"


@pytest.mark.parametrize("name", NAMES)
def test_a_predictor_takes_a_model_of_that_name(name, folder):
    model = shutil.move(tiny_model(folder), name)
    assert Predictor.from_bundle(CONFIG_DIR.parent, model_dir=model, enhance=False).labels == LABELS
    with pytest.raises(ValueError, match="enhancer"):
        Predictor.from_bundle(CONFIG_DIR.parent, model_dir=model, enhancer=name)
    with pytest.raises((RuntimeError, ValueError), match="device"):
        Predictor.from_bundle(CONFIG_DIR.parent, model_dir=model, enhance=False, device=name)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_that_name_is_listed_checked_trained_on_evaluated_and_reported(name, tiny, data_dir, folder):
    shutil.copytree(data_dir, folder / name)
    rows = [f"training/{number:02}.png,p{number},{number % 2},{number // 2 % 2}" for number in range(16)]
    (folder / name / "labels.csv").write_text("\n".join(["image,patient_id,A,B", *rows]))
    for command in (
        ("datalist", f"{name}/labels.csv", "--layout", "csv", "--out", f"{name}/listed.json"),
        ("check", f"{name}/listed.json"),
    ):
        assert call(*command).exit_code == 0
    run = {**tiny, "dataset_dir": name, "output_dir": f"{name} run/base", "tracking_uri": "none", "max_epochs": 1}
    run_workflow("training", overrides=run)
    run_workflow("evaluating", overrides={**run, "bootstrap": 40})
    done = call("report", f"{name} run")
    assert done.exit_code == 0, done.output
    assert (folder / f"{name} run" / "report.html").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_phantoms_are_written_to_a_folder_of_that_name(name, folder):
    assert call("phantoms", name, "--patients", 2, "--size", 64).exit_code == 0
    assert (folder / name / "datalist.json").is_file()


@pytest.fixture
def resolved(monkeypatch):
    """Workflows only resolve a key of their configuration; what it became is in this list."""
    from monai.bundle import ConfigWorkflow
    from scripts.components import BundleWorkflow

    values = []
    key = ["output_dir"]
    monkeypatch.setattr(ConfigWorkflow, "initialize", lambda self: values.append(self.parser.get_parsed_content(*key)))
    monkeypatch.setattr(BundleWorkflow, "run", lambda self: None)
    monkeypatch.setattr(ConfigWorkflow, "finalize", lambda self: None)
    return key, values


@pytest.mark.parametrize("name", NAMES)
def test_the_demo_gives_its_stages_a_folder_of_that_name(name, resolved, monkeypatch):
    monkeypatch.setattr("scripts.demo._make_studies", lambda data: None)
    CliRunner().invoke(app, ["demo", "--out", name])
    seeds = [f"{name}/base/seed_{seed}" for seed in range(3)]
    assert resolved[1][:5] == [*seeds, f"{name}/explanation", f"{name}/enhanced"]


@pytest.mark.parametrize("name", NAMES)
def test_a_tracking_uri_of_that_name_is_not_evaluated(name, resolved):
    resolved[0][:] = ["tracking_uri"]
    call("run", "training", "--tracking", name)
    assert resolved[1] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_watch_takes_an_output_and_a_model_of_that_name(name, fake, folder):
    fake.add(film(0))
    model = shutil.move(tiny_model(folder), name)
    options = ("--enhancer", "bicubic", "--since-days", -1, "--interval", 0.01, "--until-idle")
    done = call("watch", fake.url, "--out", f"{name} out", "--model", model, *options)
    assert done.exit_code == 0, done.output
    assert len(fake.received) == 5
    done = CliRunner().invoke(app, ["watch", fake.url, "--out", "out", "--model", model, "--enhancer", name])
    assert isinstance(done.exception, ValueError)


@pytest.mark.parametrize("name", NAMES)
def test_receive_takes_an_output_and_a_model_of_that_name(name, folder, monkeypatch):
    from scripts.pacs.relay import Relay

    monkeypatch.setattr(Relay, "run", lambda self: None)
    model = shutil.move(tiny_model(folder), name)
    options = ("--peer", "PACS@127.0.0.1:9", "--port", 0, "--enhancer", "bicubic")
    done = call("receive", "--out", f"{name} out", "--model", model, *options)
    assert done.exit_code == 0, done.output


def test_monai_deploy_takes_films_an_output_and_a_model_of_that_name(image, folder):
    films, model, out = NAMES[2], NAMES[0], "@out"
    (folder / films).mkdir()
    shutil.copy(image, folder / films / f"{NAMES[0]}.dcm")
    shutil.move(tiny_model(folder), folder / model)
    (folder / out).mkdir()
    integration = ROOT / "integrations" / "monai_deploy"
    command = [environment("deploy"), integration / "app", "-i", films, "-o", out, "-m", model]
    settings = {**os.environ, "PYTHONPATH": str(integration / "startup")}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert NAMES[0] in (folder / out / "predictions.csv").read_text()
