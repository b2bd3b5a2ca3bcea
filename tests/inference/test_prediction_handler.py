import csv
import sys
from importlib.util import find_spec

import highdicom as hd
import pydicom
import pytest
from scripts.cli import predict
from scripts.dicom import read_radiograph
from scripts.workflow import run_workflow

from ..conftest import LABELS
from ..dicom.objects.conformant import cr, dx, errors, needs_dciodvfy
from ..dicom.synthetic import save


@pytest.fixture(scope="module")
def incoming(tmp_path_factory):
    """Two DICOM films and a PNG."""
    from scripts.dicom import write_png16

    folder = tmp_path_factory.mktemp("incoming")
    save(cr(), folder / "a.dcm")
    save(dx(), folder / "b.dcm")
    write_png16(read_radiograph(folder / "a.dcm").image[0], folder / "c.png")
    return folder


@pytest.fixture(scope="module")
def out(incoming, model_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    predict_with(incoming, folder, model_dir, dicom=True)
    return folder


def predict_with(incoming, folder, model_dir, **overrides):
    settings = {"inputs": [str(incoming)], "output_dir": str(folder), "model_dir": str(model_dir)}
    run_workflow("inferring", overrides={**settings, "enhancer": "bicubic", "tracking_uri": "none", **overrides})


def test_each_dicom_input_has_a_folder_of_objects_and_a_picture_has_none(out):
    assert sorted(path.name for path in (out / "dicom").iterdir()) == ["00000_a", "00001_b"]
    assert not (out / "failures.csv").exists()


def test_without_the_flag_nothing_else_changes(out, incoming, model_dir, tmp_path):
    predict_with(incoming, tmp_path, model_dir)
    assert not (tmp_path / "dicom").exists()
    with_flag = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    differ = ("run_report.json", "predictions.html")  # the page links to the objects
    for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.name not in differ):
        assert path.read_bytes() == with_flag[path.relative_to(tmp_path)], path.name


def test_report_has_the_probabilities_of_the_table(out):
    with (out / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row, name in zip(rows[:2], ("00000_a", "00001_b"), strict=True):
        groups = hd.sr.srread(out / "dicom" / name / "findings.dcm").content.get_image_measurement_groups()
        values = [float(group.get_measurements()[0].value) / 100 for group in groups]
        assert values == pytest.approx([float(row[label]) for label in LABELS], abs=1e-6)


def test_regions_and_enhanced_image_are_those_of_the_other_outputs(out, incoming):
    for name in ("a", "b"):
        folder = out / "dicom" / f"0000{'ab'.index(name)}_{name}"
        regions = pydicom.dcmread(folder / "regions.dcm")
        source = pydicom.dcmread(incoming / f"{name}.dcm")
        assert (regions.Rows, regions.Columns) == (source.Rows, source.Columns) and regions.pixel_array.any()
        files = (folder / "enhanced.dcm", out / "enhanced" / f"{folder.name}.dcm")
        assert files[0].read_bytes() == files[1].read_bytes()


def test_file_without_preamble_has_objects_too(incoming, model_dir, tmp_path):
    (tmp_path / "bare.dcm").write_bytes((incoming / "a.dcm").read_bytes()[128:])
    predict_with(tmp_path / "bare.dcm", tmp_path / "out", model_dir, dicom=True)
    assert len(list(tmp_path.glob("out/dicom/00000_bare/*.dcm"))) == 5


@needs_dciodvfy
def test_objects_of_predict_have_no_errors(out):
    found = {f"{path.parent.name}/{path.name}": errors(path) for path in out.glob("dicom/*/*.dcm")}
    assert len(found) == 10 and not any(found.values()), found


def test_without_enhancement_there_are_findings_and_attention(incoming, model_dir, tmp_path):
    predict_with(incoming / "a.dcm", tmp_path, model_dir, dicom=True, enhance=False)
    names = sorted(path.name for path in (tmp_path / "dicom" / "00000_a").iterdir())
    assert names == ["attention.dcm", "attention_map.dcm", "findings.dcm"]


def test_command_reports_an_object_that_could_not_be_written(model_dir, tmp_path):
    dataset = cr()
    dataset.StudyInstanceUID = ""
    path = save(dataset, tmp_path / "source.dcm")
    with pytest.raises(SystemExit) as stop:
        predict([path], out=tmp_path / "out", model=model_dir, dicom=True)
    assert stop.value.code == 1
    with (tmp_path / "out" / "failures.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["code"], row["path"]) == ("NO_IDENTITY", str(path)) and row["remedy"]
    with (tmp_path / "out" / "predictions.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["ok"]


def test_enhancer_that_fails_on_one_image_costs_no_other_result(incoming, model_dir, tmp_path, monkeypatch):
    from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer

    monkeypatch.setattr(
        BicubicEnhancer, "enhance", lambda self, low_res, **_: low_res.repeat(1, 1, 4, 4) * float("nan")
    )
    predict_with(incoming / "a.dcm", tmp_path, model_dir, dicom=True)
    with (tmp_path / "failures.csv").open() as file:
        assert [row["code"] for row in csv.DictReader(file)] == ["NOT_FINITE"]
    assert sorted(path.name for path in tmp_path.glob("dicom/00000_a/*")) == [
        "attention.dcm",
        "attention_map.dcm",
        "findings.dcm",
        "regions.dcm",
    ]
    assert (tmp_path / "overlays" / "00000_a.png").exists() and not (tmp_path / "enhanced").exists()


def test_missing_library_stops_at_once_and_says_what_to_install(incoming, model_dir, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None if name == "highdicom" else find_spec(name))
    with pytest.raises(ValueError, match="pip install highdicom"):
        predict_with(incoming / "a.dcm", tmp_path, model_dir, dicom=True)


def test_film_that_the_network_fails_on_costs_no_other_film(incoming, model_dir, tmp_path, monkeypatch):
    from scripts.inference.classifier import Classifier

    call, films = Classifier.__call__, []

    def fail_for_the_second(self, images, sources=()):
        films.append(len(images))
        if len(images) > 1 or len(films) == 3:
            raise RuntimeError("Secret^Person")
        return call(self, images, sources)

    monkeypatch.setattr(Classifier, "__call__", fail_for_the_second)
    predict_with(incoming, tmp_path, model_dir, enhance=False)
    with (tmp_path / "failures.csv").open() as file:
        (failure,) = csv.DictReader(file)
    assert failure["code"] == "INTERNAL" and failure["path"].endswith("b.dcm") and "Secret" not in failure["reason"]
    with (tmp_path / "predictions.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["ok", "INTERNAL", "ok"]
