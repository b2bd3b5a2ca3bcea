import math

import pytest
from scripts.data.layouts import read_layout
from scripts.data.layouts.chexpert import LABELS

from .miniature import png, table

HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(LABELS)
BLANK = "," * 13


def write(root, name="CheXpert-v1.0-small", test=False):
    rows = [
        f"{name}/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,0.0,,-1.0,,,,,,,,1.0",
        f"{name}/train/patient00002/study2/view1_frontal.jpg,Male,87,Frontal,PA,{BLANK}",
        f"{name}/train/patient00002/study2/view2_lateral.jpg,Male,87,Lateral,,{BLANK}",
        f"{name}/train/patient00003/study1/view1_frontal.jpg,Unknown,0,Frontal,LL,{BLANK}",
        f"{name}/train/patient00004/study1/view1_frontal.jpg,Male,50,Frontal,AP,{BLANK}",
    ]
    table(root / "train.csv", HEADER, *rows)
    zeros = ",".join(["0.0"] * 14)
    table(root / "valid.csv", HEADER, f"{name}/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,{zeros}")
    for path in ("train/patient00001/study1", "train/patient00002/study2", "valid/patient64541/study1"):
        png(root / path / "view1_frontal.jpg")
    if test:
        columns = ",".join(LABELS[1:])
        ones = ",".join(["1.0"] * 13)
        table(root / "test_labels.csv", f"Path,{columns}", f"test/patient64741/study1/view1_frontal.jpg,{ones}")
        png(root / "test/patient64741/study1/view1_frontal.jpg")
    return root


@pytest.mark.parametrize("name", ["CheXpert-v1.0-small", "CheXpert-v1.0"])
def test_films_and_what_is_left_out(tmp_path, name):
    labels, items, failures = read_layout("chexpert", write(tmp_path, name))
    first = items[0]
    assert first["image"] == str(tmp_path / "train/patient00001/study1/view1_frontal.jpg")
    values = dict(zip(labels, first["label"], strict=True))
    assert (values["No Finding"], values["Lung Opacity"], values["Edema"]) == (1.0, 0.0, -1.0)
    assert math.isnan(values["Cardiomegaly"]) and values["Support Devices"] == 1.0
    assert (first["patient_id"], first["study_uid"]) == ("patient00001", "patient00001/study1")
    assert (first["view"], first["sex"], first["age"]) == ("AP", "F", 68.0)
    assert [failure.code for failure in failures] == ["NOT_FRONTAL", "NOT_FRONTAL", "MISSING_FILE"]
    assert failures[0].path.endswith("view2_lateral.jpg")


def test_valid_is_the_test_set_unless_the_test_set_is_there(tmp_path):
    _, items, _ = read_layout("chexpert", write(tmp_path / "a"))
    assert [item["split"] for item in items] == ["training", "training", "test"]
    _, items, _ = read_layout("chexpert", write(tmp_path / "b", test=True))
    assert [item["split"] for item in items] == ["training", "training", "validation", "test"]
    assert math.isnan(items[3]["label"][0]) and items[3]["label"][1:] == [1.0] * 13


def test_errors_name_the_place(tmp_path):
    write(tmp_path)
    table(tmp_path / "train.csv", HEADER, f"CheXpert/train/pat1/x.jpg,Male,1,Frontal,AP,{BLANK}")
    with pytest.raises(ValueError, match=r"train\.csv: row 2: Path: expected"):
        read_layout("chexpert", tmp_path)
    row = "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg,Male,1,Frontal,AP,2" + "," * 13
    table(tmp_path / "train.csv", HEADER, row)
    with pytest.raises(ValueError, match=r"train\.csv: row 2: No Finding: expected 1, 0, -1 or blank, found '2'"):
        read_layout("chexpert", tmp_path)
