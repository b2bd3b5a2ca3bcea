import logging
import math

import pytest
from scripts.data.datalist import Datalist
from scripts.data.label_selection import with_labels


@pytest.fixture
def data():
    items = [{"image": "/0", "label": [1.0, 0.0, -1.0], "patient_id": "p"}]
    return Datalist(["Edema", "Effusion", "Fracture"], {"test": items}, sha256="abc")


def test_columns_follow_the_model_by_name_or_alias(data, caplog):
    with caplog.at_level(logging.INFO):
        seen = with_labels(data, ["Pleural Effusion", "Edema"])
    assert seen.labels == ["Pleural Effusion", "Edema"] and seen.splits["test"][0]["label"] == [0.0, 1.0]
    assert "'Effusion' of the data is used for 'Pleural Effusion'" in caplog.text
    assert "no output for Fracture; left out" in caplog.text
    assert data.splits["test"][0]["label"] == [1.0, 0.0, -1.0] and seen.sha256 == "abc"


def test_a_label_that_the_data_lack_is_an_error_that_names_the_nearest(data):
    with pytest.raises(ValueError, match=r"found 'Fractured Rib'; did you mean 'Fracture'"):
        with_labels(data, ["Edema", "Fractured Rib"])


def test_or_blank_where_that_was_asked_for(data, caplog):
    seen = with_labels(data, ["Mass", "Edema"], missing="blank")
    label = seen.splits["test"][0]["label"]
    assert math.isnan(label[0]) and label[1] == 1.0
    assert "has no labels for Mass; they are not evaluated" in caplog.text


def test_data_without_any_label_of_the_model_are_refused_either_way(data):
    with pytest.raises(ValueError, match="found 'Mass'"):
        with_labels(data, ["Mass", "Nodule"], missing="blank")


def test_unknown_choice_is_refused(data):
    with pytest.raises(ValueError, match="expected one of refuse, blank, found 'drop'"):
        with_labels(data, ["Edema"], missing="drop")
