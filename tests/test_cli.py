import json

import pytest
from scripts.cli import app, main
from scripts.workflow import CONFIG_DIR
from typer.testing import CliRunner

from .conftest import LABELS


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


def test_datalist_from_a_table_then_check(table, tmp_path):
    done = call("datalist", table, "--out", tmp_path / "datalist.json", "--layout", "csv", "--seed", 1)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "datalist.json").read_text())
    patients = [{item["patient_id"] for item in content[split]} for split in ("training", "validation", "test")]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 8
    checked = call("check", tmp_path / "datalist.json")
    assert checked.exit_code == 0 and "Left Bright" in checked.output


def test_missing_image_is_named_and_the_status_is_not_zero(table, tmp_path):
    table.write_text(table.read_text() + f"{tmp_path / 'gone.png'},p99,0,1\n")
    done = call("datalist", table, "--out", tmp_path / "datalist.json", "--layout", "csv")
    assert done.exit_code == 1
    assert "gone.png" in (tmp_path / "failures.csv").read_text() and (tmp_path / "datalist.json").exists()


def test_info_tells_the_version_and_labels():
    facts = json.loads(call("info", "--json").output)
    assert facts["version"] == json.loads((CONFIG_DIR / "metadata.json").read_text())["version"]
    assert "Cardiomegaly" in facts["labels"] and "training" in facts["workflows"]


def test_known_error_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["cxr-attention-sr", "predict", str(tmp_path / "none"), "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^error: .*none: no such file or folder"):
        main()


def test_ctrl_c_says_that_nothing_is_lost(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("scripts.workflow.run_workflow", interrupt)
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
