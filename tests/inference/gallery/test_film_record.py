import json
from dataclasses import replace
from pathlib import Path

from scripts.common.failures import Failure
from scripts.inference.gallery.film_record import film_record, prediction_record, refused_record

from .films import prediction, refusal


def test_numbers_are_those_of_the_tables_and_calibrated_ones_are_shown(tmp_path):
    one = prediction(0, probabilities=prediction(1).probabilities)
    record = prediction_record(0, one, tmp_path)
    assert record["probabilities"] == [0.9, 0.1, 0.05] and record["decisions"] == [True, False, False]
    assert film_record(0, replace(one.row(), calibrated=None))["probabilities"] == [0.3, 0.25, 0.15]
    assert record["regions"][0] == {"box": [0, 0, 64, 64], "label": "Edema"} and json.dumps(record)


def test_spread_belongs_to_the_probabilities_that_are_shown(tmp_path):
    one = prediction(0, spread=prediction(1).probabilities, calibrated_spread=prediction(0).probabilities / 10)
    assert prediction_record(0, one, tmp_path)["spread"] == [0.09, 0.01, 0.005]
    assert film_record(0, replace(one.row(), calibrated=None))["spread"] == [0.3, 0.25, 0.15]
    assert prediction_record(0, prediction(0), tmp_path)["spread"] is None


def test_links_stay_below_the_page_and_every_other_file_has_a_name_only(tmp_path):
    files = [tmp_path / "dicom" / "00000_a #1?%<b>" / "findings.dcm", Path("/elsewhere/x/regions.dcm")]
    record = prediction_record(0, prediction(dicom_files=files), tmp_path)
    assert record["files"] == [
        {"name": "dicom/00000_a #1?%<b>/findings.dcm", "link": "dicom/00000_a%20%231%3F%25%3Cb%3E/findings.dcm"},
        {"name": "regions.dcm", "link": None},
    ]


def test_result_that_could_not_be_made_has_its_reason(tmp_path):
    failure = Failure("films/000.png", "NOT_FINITE", "films/000.png: ldm gave NaN", "check the weights")
    other = Failure("films/surplus.png", "SECOND_FRONTAL", "another film", "name it")
    record = prediction_record(0, prediction(failures=[failure, other]), tmp_path)
    assert record["missing"] == ["films/000.png: ldm gave NaN; check the weights"]


def test_rejected_film_has_reason_and_remedy_in_printable_form():
    record = refused_record(4, refusal("bad\u202e\n\x1b[2J.dcm"))
    assert record["status"] == "NOT_FRONTAL" and record["remedy"] == "leave it out" and record["probabilities"] is None
    assert record["name"] == r"bad\u202e\n\x1b[2J.dcm" and record["reason"].isprintable()
