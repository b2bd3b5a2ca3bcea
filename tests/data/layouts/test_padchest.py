import pytest
from scripts.data.layouts import read_layout
from scripts.data.layouts.padchest import _COLUMNS

from .miniature import by_name, codes, png, table

NAME = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
HEADER = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,Projection,"
    "MethodProjection,Pediatric,Modality_DICOM,Labels,Localizations"
)


def row(name, projection, labels, folder="0"):
    return f'0,{name}.png,{folder},20170124,s{name},p{name},1953.0,F,PA,{projection},x,No,DX,"{labels}",[]'


def write(root, *more):
    rows = [
        row("aa", "PA", "['hydropneumothorax', ' Pulmonary fibrosis ', 'scoliosis']"),
        row("bb", "AP_horizontal", "['normal', 'unchanged']", folder="37"),
        row("cc", "L", "['normal']"),
        row("dd", "PA", ""),
        row("ee", "AP", "['unchanged']"),
        row("ff", "PA", "['exclude']"),
        row("gg", "PA", "['normal']"),
    ]
    table(root / NAME, HEADER, *rows, *more)
    png(root / "0" / "aa.png")
    png(root / "images" / "37" / "bb.png")
    return root


def test_terms_become_findings(tmp_path):
    labels, items, failures = read_layout("padchest", write(tmp_path))
    found = by_name(items)
    positive = [label for label, value in zip(labels, found["aa"]["label"], strict=True) if value]
    assert positive == ["Pleural Effusion", "Fibrosis", "Pneumothorax"]
    assert found["bb"]["label"] == [1.0] + [0.0] * (len(labels) - 1)
    first = found["aa"]
    assert (first["patient_id"], first["study_uid"], first["sex"], first["age"]) == ("paa", "saa", "F", 64.0)
    assert (first["view"], found["bb"]["view"]) == ("PA", "AP") and "split" not in first
    assert codes(failures) == {
        "cc": "NOT_FRONTAL", "dd": "NO_LABELS", "ee": "NO_LABELS", "ff": "EXCLUDED", "gg": "MISSING_FILE",
    }  # fmt: skip


def test_labels_that_are_no_list_are_named(tmp_path):
    for text in ("normal", "'normal'", "[normal]"):
        write(tmp_path, row("zz", "PA", text))
        with pytest.raises(ValueError, match=r"row 9: Labels: expected a list of terms in quotes"):
            read_layout("padchest", tmp_path)


def test_header_of_the_miniature_has_the_columns_that_are_read():
    assert set(_COLUMNS) <= set(HEADER.split(","))
