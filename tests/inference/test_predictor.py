import csv
import errno
import json
import os
import shutil

import highdicom as hd
import numpy as np
import pydicom
import pytest
import torch
from scripts.attention import METHODS
from scripts.attention.grad_attention import GradAttention
from scripts.calibration.calibration_file import Calibration, LabelCalibration, save_calibration
from scripts.cli import app
from scripts.dicom import read_radiograph, write_png16
from scripts.evaluation.predictions import read_predictions
from scripts.inference import FilmAnalysis, Predictor
from scripts.inference.outputs import ResultWriter
from scripts.networks import ViTMultilabel, load_vit_multilabel, save_vit_multilabel, weights_sha256
from scripts.phantom import write_phantom_studies
from scripts.super_resolution.region_enhancer import EnhanceSettings
from scripts.workflow import CONFIG_DIR, run_workflow
from scripts.workflow_settings import file_settings
from typer.testing import CliRunner

from ..conftest import LABELS, TINY
from ..dicom.objects.conformant import cr, dx
from ..dicom.synthetic import SHARED_DICOM, save

BUNDLE = CONFIG_DIR.parent


def load(model_dir, **overrides):
    return Predictor.from_bundle(BUNDLE, model_dir=model_dir, device="cpu", **{"enhancer": "bicubic", **overrides})


@pytest.fixture(scope="module")
def predictor(model_dir):
    return load(model_dir)


def study(folder, number, *, uid="1.77", **attributes):
    """A film of a study; the latest is the one with the highest number."""
    folder.mkdir(exist_ok=True)
    film = cr()
    film.StudyInstanceUID, film.SOPInstanceUID, film.AcquisitionDate = uid, f"{uid}.{number}", f"2024010{number}"
    for keyword, value in attributes.items():
        setattr(film, keyword, value)
    return save(film, folder / f"{number}.dcm")


@pytest.fixture
def incoming(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    save(cr(), folder / "a.dcm")
    save(dx(), folder / "b.dcm")
    write_png16(read_radiograph(folder / "a.dcm").image[0], folder / "c.png")
    study(folder, 1, ViewPosition="LL")
    return folder


def test_numbers_are_those_of_the_workflow_whatever_the_batch(predictor, incoming, model_dir, tmp_path):
    overrides = {"inputs": [str(incoming)], "output_dir": str(tmp_path / "out"), "model_dir": str(model_dir)}
    run_workflow("inferring", overrides={**overrides, "enhance": False, "tracking_uri": "none", "batch_size": 3})
    labels, rows, _ = read_predictions(tmp_path / "out")
    found = predictor.predict([incoming])
    assert labels == predictor.labels == LABELS
    assert sorted((row.image, row.status) for row in rows) == sorted((one.name, one.status) for one in found)
    for one in (one for one in found if one.status == "ok"):
        (row,) = (row for row in rows if row.image == one.name)
        np.testing.assert_allclose(one.probabilities, row.probabilities, atol=1e-5)
        np.testing.assert_allclose(one.logits, row.logits, atol=1e-5)


def test_everything_about_a_film_in_its_own_pixels(predictor, incoming):
    (one,) = predictor.predict([incoming / "a.dcm"])
    image = read_radiograph(incoming / "a.dcm").image[0]
    assert np.array_equal(one.image, image) and one.attention_map.shape == image.shape
    assert one.spacing_mm == [0.2, 0.2] and one.calibrated is None and one.decisions is None
    assert len(one.regions) >= 1 and all(row1 <= image.shape[0] for _, _, row1, _ in one.regions)
    factor = one.enhanced.shape[0] / image.shape[0]
    assert one.enhanced_spacing == pytest.approx([0.2 / factor] * 2)
    assert json.loads(json.dumps(one.to_json()))["probabilities"] == one.probabilities.tolist()


def test_without_enhancement_the_numbers_stay_and_the_predictor_too(predictor, incoming):
    (quick,) = predictor.without_enhancement().predict([incoming / "a.dcm"])
    (full,) = predictor.predict([incoming / "a.dcm"])
    assert quick.enhanced is None and quick.regions == [] and full.enhanced is not None
    assert np.array_equal(quick.logits, full.logits)


def test_one_entry_a_study_with_the_reason_for_each_film_that_is_not_used(predictor, tmp_path):
    study(tmp_path / "two", 1)
    study(tmp_path / "two", 2)
    (one,) = predictor.predict([tmp_path / "two"])
    assert one.status == "ok" and one.source_path.name == "2.dcm"
    assert [failure.code for failure in one.failures] == ["SECOND_FRONTAL"]
    for number in (1, 2):
        study(tmp_path / "laterals", number, ViewPosition="LL")
    (refused,) = predictor.predict([tmp_path / "laterals"])
    assert refused.status == "NOT_FRONTAL" and [f.code for f in refused.failures] == ["NOT_FRONTAL"] * 2
    assert refused.probabilities is None and json.dumps(refused.to_json())


def test_files_are_written_and_named(predictor, incoming, tmp_path):
    (one,) = predictor.predict([incoming / "b.dcm"], tmp_path / "out", dicom=True)
    folder = tmp_path / "out" / "dicom" / "00000_b"
    assert sorted(one.dicom_files) == sorted(folder.iterdir()) and len(one.dicom_files) == 5
    assert (tmp_path / "out" / "overlays" / "00000_b.png").exists()
    with pytest.raises(ValueError, match="set out_dir"):
        predictor.predict([incoming / "b.dcm"], dicom=True)


def test_film_that_is_deleted_meanwhile_has_its_numbers_and_a_reason(predictor, incoming, tmp_path, monkeypatch):
    analyse = FilmAnalysis.__call__

    def delete_then_analyse(analysis, item, classified):
        (incoming / "a.dcm").unlink(missing_ok=True)
        return analyse(analysis, item, classified)

    monkeypatch.setattr(FilmAnalysis, "__call__", delete_then_analyse)
    first, second = predictor.predict([incoming / "a.dcm", incoming / "b.dcm"], tmp_path / "out", dicom=True)
    assert first.status == "ok" and first.dicom_files == []
    assert [failure.code for failure in first.failures] == ["MISSING_FILE"]
    assert second.failures == [] and len(second.dicom_files) == 5


def test_calibrated_model_gives_calibrated_probabilities_and_decisions(model_dir, incoming, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model_dir, folder)
    entries = LabelCalibration(2.0, 1.0, 0.0, "platt"), LabelCalibration(1.0, 0.0, 1.0, "platt")
    by_label = dict(zip(LABELS, entries, strict=True))
    save_calibration(Calibration(by_label, weights_sha256(folder), "youden"), folder)
    (one,) = load(folder).predict([incoming / "a.dcm"], tmp_path / "out", dicom=True)
    scaled = one.logits * [2, 1] + [1, 0]
    np.testing.assert_allclose(one.calibrated, 1 / (1 + np.exp(-scaled)))
    assert one.decisions.tolist() == [True, False]
    report = hd.sr.srread(tmp_path / "out" / "dicom" / "00000_a" / "findings.dcm")
    groups = report.content.get_image_measurement_groups()
    values = [float(group.get_measurements()[0].value) / 100 for group in groups]
    np.testing.assert_allclose(values, one.calibrated, atol=1e-6)

    overrides = {"inputs": [str(incoming / "a.dcm")], "output_dir": str(tmp_path / "run"), "model_dir": str(folder)}
    run_workflow("inferring", overrides={**overrides, "enhance": False, "tracking_uri": "none"})
    (row,) = read_predictions(tmp_path / "run")[1]
    np.testing.assert_allclose(row.calibrated, one.calibrated, atol=1e-5)
    assert row.decisions == [True, False]
    last = (tmp_path / "run" / "predictions.csv").read_text().splitlines()[-1].split(",")
    np.testing.assert_allclose([float(value) for value in last[2:]], one.probabilities, atol=1e-5)


@pytest.fixture(scope="module")
def second_model(tmp_path_factory):
    """Model of the same kind with other weights."""
    torch.manual_seed(1)
    network = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32)
    torch.nn.init.normal_(network.head.weight, std=1.0)
    folder = tmp_path_factory.mktemp("second") / "model"
    save_vit_multilabel(network, folder, labels=LABELS, provenance={})
    return folder


def test_several_models_predict_as_one_with_their_spread(model_dir, second_model, incoming, tmp_path):
    models = [model_dir, second_model]
    (first,), (second,) = (load(model).predict([incoming / "a.dcm"]) for model in models)
    (both,) = load(models).predict([incoming / "a.dcm"], tmp_path / "out", dicom=True)
    each = np.stack([first.probabilities, second.probabilities])
    np.testing.assert_allclose(both.probabilities, each.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(both.spread, each.std(axis=0, ddof=1), atol=1e-6)
    assert both.spread.max() > 0.01 and both.shown_spread is both.spread
    assert first.spread is None and json.loads(json.dumps(both.to_json()))["spread"] == both.spread.tolist()
    maps = [one.attention_map / one.attention_map.sum() for one in (first, second)]
    found = both.attention_map / both.attention_map.sum()
    np.testing.assert_allclose(found, sum(maps) / 2, atol=found.max() / 100)
    report = hd.sr.srread(tmp_path / "out" / "dicom" / "00000_a" / "findings.dcm")
    values = [[float(one.value) / 100 for one in group.get_measurements()]
              for group in report.content.get_image_measurement_groups()]  # fmt: skip
    np.testing.assert_allclose(values, np.stack([both.probabilities, both.spread], axis=1), atol=1e-6)

    overrides = {
        "inputs": [str(incoming / "a.dcm")],
        "output_dir": str(tmp_path / "run"),
        "model_dir": list(map(str, models)),
    }
    run_workflow("inferring", overrides={**overrides, "enhance": False, "tracking_uri": "none"})
    (row,) = read_predictions(tmp_path / "run")[1]
    np.testing.assert_allclose(row.spread, both.spread, atol=1e-5)
    with (tmp_path / "run" / "predictions.csv").open() as file:
        (line,) = csv.DictReader(file)
    np.testing.assert_allclose([float(line[f"{label} (spread)"]) for label in LABELS], both.spread, atol=1e-5)


def test_command_takes_a_model_several_times_or_a_folder_of_folds(model_dir, second_model, incoming, tmp_path):
    for number, model in enumerate((model_dir, second_model)):
        shutil.copytree(model, tmp_path / "folds" / f"fold_{number}" / "model")
    film, found = str(incoming / "c.png"), []
    for out, models in (("list", [model_dir, second_model]), ("folder", [tmp_path / "folds"])):
        options = [option for model in models for option in ("--model", str(model))]
        command = ["predict", film, "--out", str(tmp_path / out), "--no-enhance", *options, "--test-time-shift", "0.1"]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.exception or result.output
        found.append(read_predictions(tmp_path / out))
    assert found[0] == found[1] and found[0][1][0].spread is not None
    plain = load([model_dir, second_model], enhance=False).predict([film])[0]
    assert not np.allclose(found[0][1][0].probabilities, plain.probabilities, atol=1e-5)  # the shifted views count
    with pytest.raises(ValueError, match=r"backend: cannot run several networks or test-time views; expected torch"):
        load([model_dir, second_model], backend="openvino")


def test_thresholds_of_another_model_are_refused(model_dir, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model_dir, folder)
    by_label = {label: LabelCalibration(1.0, 0.0, 0.5, "platt") for label in LABELS}
    save_calibration(Calibration(by_label, "0" * 64, "youden"), folder)
    with pytest.raises(ValueError, match="other weights"):
        load(folder)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("label_tokens", "patch_logits")])
def test_features_are_those_of_the_image_itself_by_every_method(method, model_dir, incoming):
    predictor = load(model_dir, attention_method=method, enhance=False)
    image = predictor.preprocessing({"image": str(incoming / "a.dcm")})["image"][None]
    classified = predictor.classifier(image)
    network = load_vit_multilabel(model_dir)
    np.testing.assert_allclose(classified.features, network.features(image).detach(), atol=1e-5)
    np.testing.assert_allclose(classified.logits, network(image).detach(), atol=1e-5)
    (one,) = predictor.predict([incoming / "a.dcm"])
    if METHODS[method].per_label:
        assert one.label_map(LABELS[0]).shape == one.image.shape
    else:
        with pytest.raises(ValueError, match="no map of its own"):
            one.label_map(LABELS[0])


def test_a_method_that_splits_the_batch_gives_the_features_of_every_film(model_dir, incoming, monkeypatch):
    monkeypatch.setattr(GradAttention, "images_at_once", lambda _: 1)
    predictor = load(model_dir, attention_method="grad_attention", enhance=False)
    images = torch.stack(
        [predictor.preprocessing({"image": str(incoming / name)})["image"] for name in ("a.dcm", "b.dcm")]
    )
    expected = load_vit_multilabel(model_dir).features(images).detach()
    np.testing.assert_allclose(predictor.classifier(images).features, expected, atol=1e-5)


def test_wrong_folders_and_keys_are_named(model_dir, tmp_path):
    with pytest.raises(FileNotFoundError, match="no model; expected a folder"):
        load(tmp_path)
    with pytest.raises(ValueError, match="did you mean 'enhancer'"):
        load(model_dir, enhancr="bicubic")
    with pytest.raises(FileNotFoundError, match="no configuration"):
        Predictor.from_bundle(tmp_path)


def test_unexpected_error_of_one_study_is_its_failure_and_costs_the_others_nothing(predictor, tmp_path, monkeypatch):
    for number in (1, 2, 3):
        study(tmp_path / "in", number, uid=f"1.77.{number}")
    interpret = FilmAnalysis.interpret

    def fail_for_the_second(self, prediction, *arguments):
        if prediction.name.endswith("2.dcm"):
            raise AttributeError("Secret^Person")
        interpret(self, prediction, *arguments)

    monkeypatch.setattr(FilmAnalysis, "interpret", fail_for_the_second)
    results = predictor.predict_to_folder([tmp_path / "in"], tmp_path / "out", dicom=True)
    (failure,) = results.failures
    assert failure.code == "INTERNAL" and "AttributeError" in failure.reason and "Secret" not in f"{failure}"
    rows = read_predictions(tmp_path / "out")[1]
    assert sorted(row.status for row in rows) == ["INTERNAL", "ok", "ok"]
    assert [one.status for one in predictor.predict([tmp_path / "in"])] == ["ok", "INTERNAL", "ok"]


def test_unexpected_error_of_the_reader_is_a_failure(predictor, tmp_path, monkeypatch):
    for number in (1, 2):
        study(tmp_path / "in", number, uid=f"1.77.{number}")
    preprocessing = predictor.preprocessing

    def fail_for_the_first(item):
        if item["image"].endswith("1.dcm"):
            raise KeyError("Secret^Person")
        return preprocessing(item)

    monkeypatch.setattr(predictor, "preprocessing", fail_for_the_first)
    assert [one.status for one in predictor.predict([tmp_path / "in"])] == ["INTERNAL", "ok"]


def test_overlay_that_cannot_be_drawn_costs_no_other_file(predictor, tmp_path, monkeypatch):
    study(tmp_path / "in", 1)
    monkeypatch.setattr(ResultWriter, "write_overlay", lambda *arguments: 1 / 0)
    (failure,) = predictor.predict_to_folder([tmp_path / "in"], tmp_path / "out", dicom=True).failures
    assert failure.code == "INTERNAL" and "ZeroDivisionError" in failure.reason
    assert len(list((tmp_path / "out").glob("dicom/*/*.dcm"))) == 5


def test_full_disk_is_no_failure_of_one_study(predictor, tmp_path, monkeypatch):
    study(tmp_path / "in", 1)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ResultWriter, "write_overlay", full)
    with pytest.raises(OSError, match="No space left"):
        predictor.predict_to_folder([tmp_path / "in"], tmp_path / "out")


def test_enhanced_image_of_a_film_without_uids_is_a_picture_and_named(predictor, tmp_path):
    study(tmp_path / "in", 1, StudyInstanceUID=None)
    (failure,) = predictor.predict_to_folder([tmp_path / "in"], tmp_path / "out", dicom=True).failures
    assert failure.code == "NO_IDENTITY"
    assert [path.suffix for path in (tmp_path / "out" / "enhanced").iterdir()] == [".png"]
    assert not (tmp_path / "out" / "dicom").exists()


FIELD = SHARED_DICOM / "field" / "study_uid_leading_zero.dcm"


@pytest.mark.skipif(not FIELD.exists(), reason="the shared DICOM files are not beside the repository")
def test_film_with_an_invalid_study_uid_is_predicted_and_its_objects_stay_in_its_study(predictor, tmp_path):
    results = predictor.predict_to_folder([FIELD], tmp_path / "out", dicom=True)
    assert results.failures == [] and len(results.dicom_files) == 5
    written = [*results.dicom_files, *(tmp_path / "out" / "enhanced").iterdir()]
    assert {str(pydicom.dcmread(path).StudyInstanceUID) for path in written} == {"1.2.840.0001.05.3"}


def test_study_of_two_patients_is_two_studies(predictor, tmp_path):
    for number, patient in ((1, "A"), (2, "B")):
        study(tmp_path / "in", number, PatientID=patient)
    predictions = predictor.predict([tmp_path / "in"], tmp_path / "out", dicom=True)
    assert [one.status for one in predictions] == ["ok", "ok"]
    patients = [{str(pydicom.dcmread(path).PatientID) for path in one.dicom_files} for one in predictions]
    assert patients == [{"A"}, {"B"}]


def test_predicting_into_the_folder_of_the_films_twice_gives_the_same_tables(predictor, tmp_path):
    study(tmp_path, 1)
    for _ in range(2):
        results = predictor.predict_to_folder([tmp_path], tmp_path, dicom=True)
        assert [row.image for _, row in results.rows] == [str(tmp_path / "1.dcm")] and results.failures == []


def test_films_of_odd_names_and_linked_folders_are_predicted_or_named(predictor, tmp_path):
    folder = tmp_path / "in"
    names = [os.fsdecode(b"R\xf6ntgen.dcm"), "x" * 241 + ".dcm", os.fsdecode(b"d\xf6r/film.dcm"), "y" * 255]
    for number, name in enumerate(names, start=1):
        film = study(folder, number, uid=f"1.77.{number}")
        (folder / name).parent.mkdir(exist_ok=True)
        film.rename(folder / name)
    study(tmp_path / "elsewhere", 5, uid="1.77.5")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "gone.dcm").symlink_to(tmp_path / "nothing")
    results = predictor.predict_to_folder([folder], tmp_path / "out", dicom=True)
    assert [(failure.path, failure.code) for failure in results.failures] == [(f"{folder}/gone.dcm", "MISSING_FILE")]
    rows = read_predictions(tmp_path / "out")[1]
    assert sorted(row.image for row in rows if row.status == "ok") == sorted(
        [*(f"{folder}/{name}" for name in names), f"{folder}/linked/5.dcm"]
    )
    assert len(results.dicom_files) == 25


def test_film_that_the_network_fails_on_costs_the_others_of_its_batch_nothing(predictor, tmp_path, monkeypatch):
    for number in (1, 2, 3):
        study(tmp_path / "in", number, uid=f"1.77.{number}")
    step = type(predictor.classifier).__call__
    calls = iter(range(100))

    def fail_for_the_batch_and_the_second(self, images, sources=()):
        if next(calls) in (0, 2):
            raise RuntimeError("Secret^Person")
        return step(self, images, sources)

    monkeypatch.setattr(type(predictor.classifier), "__call__", fail_for_the_batch_and_the_second)
    assert [one.status for one in predictor.predict([tmp_path / "in"])] == ["ok", "INTERNAL", "ok"]


def test_regions_of_maps_of_labels_name_them_everywhere(model_dir, incoming, tmp_path):
    finder = load(model_dir, attention_method="grad_cam")
    results = finder.predict_to_folder([incoming / "b.dcm"], tmp_path / "out", dicom=True)
    _, (row,), _ = read_predictions(tmp_path / "out")
    assert row.region_labels and len(row.region_labels) == len(row.regions) and set(row.region_labels) <= {*LABELS}
    (path,) = (path for path in results.dicom_files if path.name == "regions.dcm")
    segments = [segment.SegmentLabel for segment in pydicom.dcmread(path).SegmentSequence]
    assert segments == [f"attended region {n}, {name}" for n, name in enumerate(row.region_labels, start=1)]
    assert results.failures == []
    (one,) = finder.predict([incoming / "b.dcm"])
    assert one.to_json()["region_labels"] == row.region_labels


def test_labels_whose_place_was_not_trained_choose_no_regions(incoming, tmp_path):
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32, labels=LABELS, patch_head=True)
    network.located_labels = [LABELS[-1]]
    network.save_pretrained(tmp_path / "model")
    (one,) = load(tmp_path / "model").predict([incoming / "b.dcm"])
    assert one.region_labels and set(one.region_labels) == {LABELS[-1]}


@pytest.mark.parametrize(("selector", "found"), [("findings", "expected one of"), ("mean_map", "found another")])
def test_selectors_that_cannot_work_are_rejected_in_one_line(model_dir, selector, found):
    with pytest.raises(ValueError, match=found):
        load(model_dir, selector=selector)


@pytest.mark.parametrize(("window", "side"), [(8, 64), (16, 128)])
def test_number_and_side_of_the_regions_are_settings(model_dir, tmp_path, window, side):
    """A window of 8 of the network's 32 pixels is a quarter of the film: 64 of 256 pixels."""
    write_phantom_studies(tmp_path, n_patients=1, size=256)
    finder = load(model_dir, region_count=2, window=window)
    (one,) = finder.predict([tmp_path / "patient0001" / "study01"])
    assert [(row1 - row0, col1 - col0) for row0, col0, row1, col1 in one.regions] == [(side, side)] * 2
    assert (finder.settings["region_count"], finder.settings["window"]) == (2, window)


@pytest.mark.parametrize(("key", "value"), [("region_count", 0), ("window", 0), ("window", 28.5), ("window", None)])
def test_number_and_side_of_the_regions_are_checked(model_dir, key, value):
    with pytest.raises(ValueError, match=f"^{key}: not allowed; expected a whole number of at least 1, found"):
        load(model_dir, **{key: value})


def test_regions_have_the_same_defaults_as_in_enhancing(model_dir):
    inferring, enhancing = (
        {setting.key: (setting.default, setting.meaning) for setting in file_settings(CONFIG_DIR / name)}
        for name in ("inference.yaml", "enhance.yaml")
    )
    for key in ("region_count", "window"):
        assert inferring[key] == enhancing[key]
    settings = load(model_dir).analysis.region_enhancer.settings
    assert (settings.count, settings.window) == (EnhanceSettings().count, EnhanceSettings().window)


def test_progress_counts_every_film_and_can_end_the_run(predictor, incoming, tmp_path):
    seen = []
    results = predictor.predict_to_folder(
        [incoming], tmp_path / "out", on_progress=lambda *numbers: seen.append(numbers)
    )
    assert seen[0] == (0, 4) and seen[-1] == (4, 4) and len(results.rows) == 3  # the lateral film is rejected

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predictor.predict_to_folder([incoming], tmp_path / "stopped", on_progress=stop)
    assert not (tmp_path / "stopped" / "predictions.csv").exists()


def test_archives_are_unpacked_where_the_caller_removes_them_and_films_have_their_other_names(
    predictor, incoming, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    (tmp_path / "unpacked").mkdir()
    archive = shutil.make_archive(str(tmp_path / "0"), "zip", incoming)
    film = shutil.copy(incoming / "c.png", str(tmp_path / "1.png"))
    monkeypatch.setattr("scripts.dicom.gate.archives.tempfile.gettempdir", lambda: str(tmp_path))
    results = predictor.predict_to_folder(
        [archive, film],
        tmp_path / "out",
        shown_as={archive: "studies.zip", film: "Röntgen.png"},
        unpack_to=tmp_path / "unpacked",
    )
    names = [row.image for _, row in results.rows] + [failure.path for failure in results.failures]
    assert sorted(names) == [
        "Röntgen.png",
        "studies.zip/1.dcm",
        "studies.zip/a.dcm",
        "studies.zip/b.dcm",
        "studies.zip/c.png",
    ]
    assert str(tmp_path) not in (tmp_path / "out" / "predictions.json").read_text() + results.failures[0].reason
    assert len(list((tmp_path / "unpacked").rglob("*.dcm"))) == 3


def test_kinds_of_dicom_objects_are_a_setting(model_dir, incoming, tmp_path):
    predictor = load(model_dir, dicom_objects=["findings", "attention"])
    results = predictor.predict_to_folder([incoming], tmp_path / "out", dicom=True)
    assert {path.name for path in results.dicom_files} == {"findings.dcm", "attention.dcm"}


def test_unknown_kind_of_dicom_object_is_rejected(model_dir):
    with pytest.raises(ValueError, match=r"^dicom_objects: .*found 'map'"):
        load(model_dir, dicom_objects=["findings", "map"])
