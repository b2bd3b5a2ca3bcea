import pytest
from scripts.data.layouts import read_layout

from .miniature import by_name, codes, dicom, table

FINDINGS = "Aortic enlargement,Cardiomegaly,Pleural effusion,No finding"
MARKS = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max"
KAGGLE = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"


def write_physionet(root):
    votes = ["aa,R1,0,1,0,0", "aa,R2,0,1,0,0", "aa,R3,0,1,1,0", "bb,R1,0,0,0,1", "bb,R2,0,0,0,1", "bb,R3,0,0,0,1"]
    folder = root / "annotations"
    table(folder / "image_labels_train.csv", f"image_id,rad_id,{FINDINGS}", *votes)
    table(folder / "image_labels_test.csv", f"image_id,{FINDINGS}", "cc,1,0,0,0", "dd,0,0,0,1")
    table(folder / "annotations_train.csv", MARKS, "aa,R1,Cardiomegaly,10.5,20,40.5,60", "bb,R1,No finding,,,,")
    table(folder / "annotations_test.csv", MARKS.replace("rad_id,", ""), "cc,Aortic enlargement,1,2,3,5")
    for name in ("train/aa", "train/bb", "test/cc"):
        dicom(root / f"{name}.dicom")
    return root


def test_physionet_votes_boxes_and_split(tmp_path):
    labels, items, failures = read_layout("vindr", write_physionet(tmp_path))
    assert labels == ["Aortic enlargement", "Cardiomegaly", "Pleural Effusion", "No Finding"]
    found = by_name(items)
    assert found["aa"]["label"] == [0.0, 1.0, -1.0, 0.0]  # all, one of three
    assert found["aa"]["boxes"] == [{"label": "Cardiomegaly", "xywh": [10.5, 20.0, 30.0, 40.0]}]
    assert "boxes" not in found["bb"] and found["bb"]["label"][3] == 1.0
    assert found["cc"]["boxes"][0]["xywh"] == [1.0, 2.0, 2.0, 3.0]
    assert [found[name]["split"] for name in ("aa", "bb", "cc")] == ["training", "training", "test"]
    assert {item["view"] for item in items} == {"PA"} and found["aa"]["patient_id"] == "aa"
    assert codes(failures) == {"dd": "MISSING_FILE"}


def test_challenge_counts_the_readers_who_marked(tmp_path):
    rows = [
        "aa,Cardiomegaly,3,R1,1,2,3,4", "aa,Cardiomegaly,3,R2,1,2,3,4", "aa,No finding,14,R3,,,,",
        "bb,No finding,14,R1,,,,", "bb,No finding,14,R2,,,,", "bb,Pleural effusion,10,R3,1,1,2,2",
    ]  # fmt: skip
    table(tmp_path / "train.csv", KAGGLE, *rows)
    for name in ("aa", "bb"):
        dicom(tmp_path / "train" / f"{name}.dicom")
    labels, items, _ = read_layout("vindr", tmp_path)
    assert labels == ["No Finding", "Cardiomegaly", "Pleural Effusion"]
    assert by_name(items)["aa"]["label"] == [-1.0, 1.0, 0.0]
    assert by_name(items)["bb"]["label"] == [1.0, 0.0, -1.0]
    assert len(by_name(items)["aa"]["boxes"]) == 2 and "split" not in items[0]


def test_box_that_is_none_is_named(tmp_path):
    write_physionet(tmp_path)
    table(tmp_path / "annotations/annotations_train.csv", MARKS, "aa,R1,Cardiomegaly,10,20,5,60")
    with pytest.raises(ValueError, match=r"annotations_train\.csv: row 2: x_max: expected more than 10"):
        read_layout("vindr", tmp_path)
