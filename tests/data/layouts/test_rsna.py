import json
import math

import pytest
from scripts.data.layouts import read_layout

from .miniature import by_name, codes, dicom, table

HEADER = "patientId,x,y,width,height,Target"


def write(root):
    rows = [
        "aa,,,,,0",
        "bb,264.0,152.0,213.0,379.0,1",
        "bb,562.0,152.0,256.0,453.0,1",
        "cc,,,,,0",
        "dd,,,,,0",
        "ee,,,,,0",
    ]
    table(root / "stage_2_train_labels.csv", HEADER, *rows)
    dicom(root / "stage_2_train_images" / "aa.dcm", ViewPosition="AP")
    dicom(root / "stage_2_train_images" / "bb.dcm", ViewPosition="PA")
    dicom(root / "stage_2_train_images" / "cc.dcm", ViewPosition="LL")
    (root / "stage_2_train_images" / "dd.dcm").write_bytes(b"cut off")
    return root


def test_targets_boxes_and_views(tmp_path):
    labels, items, failures = read_layout("rsna", write(tmp_path))
    found = by_name(items)
    assert labels == ["No Finding", "Pneumonia"]
    assert found["bb"]["label"][1] == 1.0 and math.isnan(found["bb"]["label"][0])
    assert [box["xywh"] for box in found["bb"]["boxes"]] == [[264.0, 152.0, 213.0, 379.0], [562.0, 152.0, 256.0, 453.0]]
    assert (found["aa"]["view"], found["bb"]["view"]) == ("AP", "PA") and "boxes" not in found["aa"]
    assert "split" not in found["aa"] and found["aa"]["patient_id"] == "aa"
    assert codes(failures) == {"cc": "NOT_FRONTAL", "dd": "NOT_DICOM", "ee": "MISSING_FILE"}


def test_classes_and_nih_patients_where_they_are_known(tmp_path):
    write(tmp_path)
    classes = ["aa,No Lung Opacity / Not Normal", "bb,Lung Opacity", "bb,Lung Opacity", "ee,Normal"]
    table(tmp_path / "stage_2_detailed_class_info.csv", "patientId,class", *classes)
    mapping = [{"subset_img_id": name, "img_id": f"00019866_00{k}.png"} for k, name in enumerate(("aa", "bb"))]
    (tmp_path / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(mapping))
    dicom(tmp_path / "stage_2_train_images" / "ee.dcm")
    _, items, _ = read_layout("rsna", tmp_path)
    found = by_name(items)
    assert [found[name]["label"][0] for name in ("aa", "bb", "ee")] == [0.0, 0.0, 1.0]
    assert found["aa"]["patient_id"] == found["bb"]["patient_id"] == "00019866"


def test_errors_name_the_place(tmp_path):
    write(tmp_path)
    table(tmp_path / "stage_2_train_labels.csv", HEADER, "aa,,,,,0", "aa,1,2,3,4,1")
    with pytest.raises(ValueError, match="row 3: Target: expected the value of the other rows"):
        read_layout("rsna", tmp_path)
    table(tmp_path / "stage_2_train_labels.csv", HEADER, "aa,1,2,x,4,1")
    with pytest.raises(ValueError, match=r"stage_2_train_labels\.csv: row 2: width: expected a number, found 'x'"):
        read_layout("rsna", tmp_path)
