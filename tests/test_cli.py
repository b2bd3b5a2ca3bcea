import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scripts import demo, fold_runs, seed_runs, workflow
from scripts.cli import app, main
from scripts.dicom import write_png16
from scripts.workflow import CONFIG_DIR
from typer.testing import CliRunner

from .conftest import LABELS, TINY


@pytest.fixture
def table(tmp_path, data_dir):
    """CSV of the training images, two images a patient."""
    datalist = json.loads((data_dir / "datalist.json").read_text())
    lines = ["image,patient_id," + ",".join(LABELS)]
    for number, item in enumerate(datalist["training"]):
        values = ",".join(str(int(value)) for value in item["label"])
        lines.append(f"{data_dir / item['image']},p{number // 2},{values}")
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def replace_run_workflow(monkeypatch, replacement):
    """Call ``replacement`` wherever a workflow would be run.

    The modules are imported before this test module runs. One that is first imported while ``workflow`` has the
    replacement would keep it in all later tests.
    """
    for module in (workflow, seed_runs, fold_runs, demo):
        monkeypatch.setattr(module, "run_workflow", replacement)


def test_datalist_from_a_table_then_check(table, tmp_path):
    done = call("datalist", table, "--out", tmp_path / "datalist.json", "--layout", "csv", "--seed", 1)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "datalist.json").read_text())
    patients = [{item["patient_id"] for item in content[split]} for split in ("training", "validation", "test")]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 8
    checked = call("check", tmp_path / "datalist.json")
    assert checked.exit_code == 0 and "Left Bright" in checked.output


def test_check_full_notices_a_change_of_the_same_size_and_time(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("CXR_CACHE", str(tmp_path / "kept"))
    items = [{"image": f"{number}.png", "label": [number], "patient_id": f"p{number}"} for number in range(2)]
    datalist = {"labels": ["Mass"], "training": items[:1], "test": items[1:]}
    (tmp_path / "datalist.json").write_text(json.dumps(datalist))

    def write(*contents):
        for number, content in enumerate(contents):
            (tmp_path / f"{number}.png").write_bytes(content)
            os.utime(tmp_path / f"{number}.png", ns=(10**18, 10**18))

    write(b"one", b"two")
    assert call("check", tmp_path / "datalist.json").exit_code == 0
    write(b"one", b"one")
    assert call("check", tmp_path / "datalist.json").exit_code == 0  # the documented limit
    done = call("check", "--full", tmp_path / "datalist.json")
    assert "the same file content in two splits" in str(done.exception)
    assert "1 files were changed without a change of their size and time (1.png)" in caplog.text


def test_missing_image_is_named_and_the_status_is_not_zero(table, tmp_path):
    table.write_text(table.read_text() + f"{tmp_path / 'gone.png'},p99,0,1\n")
    done = call("datalist", table, "--out", tmp_path / "datalist.json", "--layout", "csv")
    assert done.exit_code == 1
    assert "gone.png" in (tmp_path / "failures.csv").read_text() and (tmp_path / "datalist.json").exists()


def test_phantoms_come_with_their_datalist(tmp_path):
    done = call("phantoms", tmp_path, "--patients", 3, "--size", 64, "--fine-detail", 1)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "datalist.json").read_text())
    images = [item["image"] for split in ("training", "validation", "test") for item in content[split]]
    assert len(images) >= 3 and all((tmp_path / image).exists() for image in images)


def test_info_tells_the_version_and_labels():
    facts = json.loads(call("info", "--json").output)
    assert facts["version"] == json.loads((CONFIG_DIR / "metadata.json").read_text())["version"]
    assert "Cardiomegaly" in facts["labels"] and "training" in facts["workflows"]


def test_known_error_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "predict", str(tmp_path / "none"), "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^error: .*none: no such file or folder"):
        main()


def test_error_line_is_one_line_that_no_name_forges(monkeypatch, tmp_path):
    name = "none\nerror: \x1b[2J\r\u202e\udce9" + "/xxx" * 900
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "datalist", name, "--layout", "csv", "--out", "x"])
    with pytest.raises(SystemExit) as stop:
        main()
    line = str(stop.value)
    assert (
        line.startswith(r"error: none\nerror: \x1b[2J\r\u202e\udce9/xxx") and line.isprintable() and len(line) <= 2000
    )


def test_refused_names_do_not_reach_the_terminal_as_they_are(tmp_path, capfd):
    folder = tmp_path / "a\x1b[2J\nb"
    folder.mkdir()
    (folder / "=x").write_bytes(b"x")
    write_png16(np.eye(8), folder / "film.png")
    done = call("datalist", folder, "--out", folder / "datalist.json")
    assert done.exit_code == 1 and r"a\x1b[2J\nb" in done.output and "\x1b" not in done.output


def test_a_datalist_without_any_usable_image_is_an_error(monkeypatch, tmp_path):
    (tmp_path / "notes.dcm").write_bytes(b"no film")
    (tmp_path / "datalist.json").write_text("earlier")
    monkeypatch.setattr("sys.argv", ["x", "datalist", str(tmp_path), "--out", str(tmp_path / "datalist.json")])
    with pytest.raises(SystemExit, match=r"^error: .*: no usable image; expected at least one, found 0 and 1 rejected"):
        main()
    assert "notes.dcm" in (tmp_path / "failures.csv").read_text()
    assert (tmp_path / "datalist.json").read_text() == "earlier"


def test_labels_may_have_blanks_between_them(table, tmp_path):
    chosen = f"{LABELS[1]} , {LABELS[0]}"
    done = call("datalist", table, "--out", tmp_path / "datalist.json", "--layout", "csv", "--labels", chosen)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "datalist.json").read_text())["labels"] == [LABELS[1], LABELS[0]]


def fails_with(monkeypatch, arguments, error):
    def fail(*_, **__):
        raise error

    replace_run_workflow(monkeypatch, fail)
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", *arguments])


@pytest.mark.parametrize("error", [KeyError("val"), TypeError("x\ny"), RuntimeError("device"), AttributeError("a.b")])
def test_an_unexpected_error_is_one_line_too(monkeypatch, error):
    fails_with(monkeypatch, ["run", "training"], error)
    with pytest.raises(SystemExit) as stop:
        main()
    line = str(stop.value)
    assert line.startswith(f"error: unexpected {type(error).__name__}: ") and line.isprintable()
    assert "--debug shows where" in line


def test_a_full_disk_is_named_whatever_the_command(monkeypatch):
    fails_with(monkeypatch, ["run", "training"], OSError(errno.ENOSPC, "No space left on device", "/data/out/x"))
    with pytest.raises(SystemExit, match=r"^error: .*/data/out/x.*the disk is full, and everything finished .* kept"):
        main()


@pytest.mark.parametrize("arguments", [["--debug", "run", "training"], ["run", "training", "--debug"]])
def test_debug_shows_the_traceback_of_any_error(monkeypatch, arguments):
    for error in (KeyError("val"), ValueError("learning_rate: not allowed")):
        fails_with(monkeypatch, arguments, error)
        with pytest.raises(type(error)):
            main()


def test_debug_is_in_the_help():
    assert "--debug" in call("--help").output


def overrides_of(monkeypatch, *arguments):
    found = {}
    replace_run_workflow(monkeypatch, lambda *_, overrides, **__: found.update(overrides))
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "run", "training", *arguments])
    with pytest.raises(SystemExit):
        main()
    return {key: value.code for key, value in found.items()}


def test_a_tilde_is_the_home_folder_wherever_a_path_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = overrides_of(
        monkeypatch, "--output_dir=~/x", "--base_dir", "~/y", "--inputs", "['~/z', a~b]", "--backbone", "~"
    )
    assert found == {
        "output_dir": f"{tmp_path}/x",
        "base_dir": f"{tmp_path}/y",
        "inputs": [f"{tmp_path}/z", "a~b"],
        "backbone": None,
    }
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "phantoms", "~/made", "--patients=1", "--size=64"])
    with pytest.raises(SystemExit):
        main()
    assert (tmp_path / "made" / "datalist.json").exists()
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "predict", "--out=~/out", "--model=~/none", "~/none.png"])
    with pytest.raises(SystemExit, match=f"error: .*{tmp_path}/none"):
        main()


@pytest.mark.parametrize(
    "arguments",
    [
        ["phantoms", "x", "--patients", 0],
        ["phantoms", "x", "--size", 0],
        ["phantoms", "x", "--fine-detail", 5],
        ["phantoms", "x", "--seed", -1],
        ["datalist", "x", "--out", "y", "--seed", -1],
    ],
)
def test_numbers_out_of_range_are_rejected_by_the_commands(arguments):
    done = call(*arguments)
    assert done.exit_code == 2 and re.search("(greater|less) than|range", done.output)


def test_ctrl_c_says_that_nothing_is_lost(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    replace_run_workflow(monkeypatch, interrupt)
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "run", "training"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130 and "same command continues" in capsys.readouterr().err


def test_layouts_of_the_command_are_those_that_exist():
    from scripts.cli import Layout
    from scripts.data.layouts import LAYOUTS

    assert {layout.value for layout in Layout} == {"folder", "csv", *LAYOUTS}


def test_datalist_of_a_public_data_set(tmp_path):
    from .data.layouts.test_nih import write

    done = call(
        "datalist", write(tmp_path / "nih"), "--layout", "nih", "--out", tmp_path / "nih.json", "--labels", "Mass"
    )
    assert done.exit_code == 1 and "MISSING_FILE 1" in done.output and "NO_SPLIT 1" in done.output
    content = json.loads((tmp_path / "nih.json").read_text())
    assert content["labels"] == ["Mass"] and len(content["test"]) == 1
    assert call("check", tmp_path / "nih.json").exit_code == 0


@pytest.fixture
def pacs():
    """A DICOMweb server with a study, and its root."""
    from .pacs.conftest import film
    from .pacs.fake_server import FakePacs, serve, url_of

    fake = FakePacs()
    fake.add(film(0, 1))
    fake.add(film(0, 2))
    server = serve(fake)
    fake.url = url_of(server)
    yield fake
    server.shutdown()
    server.server_close()


def test_study_of_a_pacs_is_predicted_as_its_files_would_be(pacs, tmp_path):
    from scripts.inference import Predictor

    from .dicom.synthetic import save
    from .pacs.conftest import film

    path = save(film(0, 2), tmp_path / "film.dcm")
    options = ("--model", tiny_model(tmp_path))
    (expected,) = Predictor.from_bundle(CONFIG_DIR.parent, model_dir=options[1], enhance=False).predict([path])
    done = call("predict", "--out", tmp_path / "web", "--dicomweb", pacs.url, "--study", "1.2.0", "--store", *options)
    assert done.exit_code == 1, done.output  # the other film is named in failures.csv
    items = json.loads((tmp_path / "web" / "predictions.json").read_text())["items"]
    assert [item["status"] for item in items] == ["ok", "SECOND_FRONTAL"]
    assert items[0]["probabilities"] == pytest.approx(expected.probabilities.tolist(), abs=1e-5)
    assert len(pacs.received) == len(list((tmp_path / "web" / "dicom").glob("*/*.dcm"))) == 5
    written = "".join((tmp_path / "web" / name).read_text() for name in ("predictions.json", "failures.csv"))
    assert "1.2.0" not in written and items[0]["image"].endswith("/000002.dcm")


def test_mixture_of_files_and_a_pacs_is_refused(tmp_path):
    for options in ([], ["a.dcm", "--study", "1.2"], ["--dicomweb", "http://127.0.0.1:9"], ["a.dcm", "--store"]):
        done = call("predict", "--out", tmp_path, *options)
        assert isinstance(done.exception, ValueError) and "expected INPUTS, or --dicomweb" in str(done.exception)


def test_study_that_is_not_there_is_one_line(pacs, tmp_path, monkeypatch):
    options = ["--dicomweb", pacs.url, "--study", "1.2.9", "--model", str(tiny_model(tmp_path))]
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "predict", "--out", str(tmp_path), *options])
    with pytest.raises(SystemExit, match=r"^error: study: the PACS does not have the study"):
        main()


def test_watch_works_through_what_there_is(pacs, tmp_path):
    options = ["--model", tiny_model(tmp_path), "--enhancer", "bicubic", "--since-days", "-1", "--interval", "0.01"]
    for stored in (5, 5):
        done = call("watch", pacs.url, "--out", tmp_path / "watch", "--until-idle", *options)
        assert done.exit_code == 0, done.output
        assert len(pacs.received) == stored


def test_watch_stores_the_kinds_of_objects_that_are_named(pacs, tmp_path):
    options = ["--model", tiny_model(tmp_path), "--enhancer", "bicubic", "--since-days", "-1", "--interval", "0.01"]
    options += ["--dicom-object", "findings", "--dicom-object", "attention"]
    done = call("watch", pacs.url, "--out", tmp_path / "watch", "--until-idle", *options)
    assert done.exit_code == 0 and len(pacs.received) == 2, done.output


def test_receive_listens_to_other_computers_only_with_a_list_of_titles(tmp_path):
    options = ["--peer", "PACS@127.0.0.1:9", "--model", tiny_model(tmp_path), "--enhancer", "bicubic"]
    done = call("receive", "--out", tmp_path / "out", "--bind", "0.0.0.0", *options)
    assert isinstance(done.exception, ValueError) and "name them with --calling" in str(done.exception)
    for option, value in (("--max-connections", 0), ("--free-gb", -1), ("--port", 70000)):
        assert call("receive", "--out", tmp_path / "out", option, value, *options).exit_code == 2


def tiny_model(folder):
    """A classifier of a few thousand weights, as a model folder."""
    import torch
    from scripts.networks import ViTMultilabel, save_vit_multilabel

    network = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32)
    torch.nn.init.normal_(network.head.weight)
    save_vit_multilabel(network, folder / "model", labels=LABELS, provenance={})
    return folder / "model"


def test_a_setting_may_be_written_with_dashes_and_folders_as_in_the_other_commands(monkeypatch):
    found = overrides_of(monkeypatch, "--max-epochs", "3", "--train::trainer::max-epochs=2", "--out", "x", "--model=m")
    assert found == {"max_epochs": 3, "train::trainer::max_epochs": 2, "output_dir": "x", "model_dir": "m"}


@pytest.mark.parametrize(
    ("out", "model"), [("--out", "--model"), ("--output_dir", "--model_dir"), ("--output-dir", "--model-dir")]
)
def test_predict_takes_the_spelling_of_the_settings_too(monkeypatch, tmp_path, out, model):
    """Options reach the predictor under the names of the configuration; what is not given is left to it."""
    found = {}

    def load(root, **settings):
        found.update(settings)
        raise ValueError("stop here")

    monkeypatch.setattr("scripts.inference.predictor.Predictor.from_bundle", load)
    options = ["--no-enhance", "--device", "cpu", "--backend", "openvino", "--batch_size", 4, "--enhancer", "bicubic"]
    options += ["--region_count", 2, "--window", 28, "--dicom-object", "findings"]
    done = call("predict", "film.png", out, tmp_path, model, "m", *options)
    assert str(done.exception) == "stop here"
    assert {key: str(value) for key, value in found.items() if key not in ("output_dir", "dicom", "tracking_uri")} == {
        "model_dir": str([Path("m")]),
        "enhance": "False",
        "device": "cpu",
        "backend": "openvino",
        "batch_size": "4",
        "enhancer": "bicubic",
        "region_count": "2",
        "window": "28",
        "dicom_objects": "['findings']",
    }
    found.clear()
    call("predict", "film.png", "--out", tmp_path)
    assert sorted(found) == ["dicom", "enhance", "output_dir", "tracking_uri"]


def test_a_device_that_does_not_exist_is_one_line(tmp_path):
    done = call("predict", "film.png", "--out", tmp_path, "--device", "gpu")
    assert isinstance(done.exception, ValueError) and str(done.exception).startswith("device: not available; expected")


def test_help_of_a_workflow_lists_its_settings_and_runs_nothing(monkeypatch):
    replace_run_workflow(monkeypatch, lambda *_, **__: pytest.fail("was run"))
    done = call("run", "calibration", "--help")
    assert done.exit_code == 0 and "Settings of the workflow calibrating" in done.output
    assert "--policy_target 0.9\n      value that the policies" in done.output and "--learning_rate" in done.output
    assert "run WORKFLOW --help" in call("run", "--help").output and "run WORKFLOW --help" in call("run").output


def complete(*words):
    """What the shell offers for the last word, and the modules that this loaded."""
    program = (
        "import sys\nsys.argv[0] = 'cxr-attention-sr'\nfrom bundle.scripts.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print('loaded', *sorted(sys.modules))"
    )
    line = {"COMP_WORDS": " ".join(["cxr-attention-sr", *words]), "COMP_CWORD": str(len(words))}
    environment = {**os.environ, "_CXR_ATTENTION_SR_COMPLETE": "complete_bash", **line}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=CONFIG_DIR.parents[1], capture_output=True, text=True
    )
    *offered, loaded = done.stdout.splitlines()
    return offered, loaded.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["run", "cal"], ["calibrating"]),
        (["run", "zooming", "--zoom-s"], ["--zoom_size", "--zoom_source", "--zoom_selector"]),
        (["run", "training", "--overlay", "p"], ["paper"]),
        (["predict", "--no-e"], ["--no-enhance"]),
    ],
    ids=["workflow", "setting", "overlay", "option"],
)
def test_the_shell_completes_without_loading_torch(words, offered):
    found, loaded = complete(*words)
    assert found == offered
    assert not {"torch", "monai", "numpy"} & set(loaded)
