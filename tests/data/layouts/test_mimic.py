import math

import pytest
from scripts.data.layouts import read_layout

from .miniature import by_name, codes, dicom, png, table

LABELS = (
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung Opacity,"
    "No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)
METADATA = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,"
    "ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning"
)
FOLDER = "files/p10/p10000032"


def write(root, suffix=".csv.gz"):
    views = {"aa": (1, "PA"), "bb": (1, "LATERAL"), "cc": (2, "AP"), "dd": (2, ""), "ee": (3, "AP"), "ff": (2, "AP")}
    rows = [f"{name},10000032,5041426{study},CHEST,{view},1,1,0,0,x,y,Erect" for name, (study, view) in views.items()]
    table(root / f"mimic-cxr-2.0.0-metadata{suffix}", METADATA, *rows)
    label_rows = ["10000032,50414261,1.0,,0.0,-1.0,,,,,,,,,,", "10000032,50414262,,,,,,,,,1.0,,,,,"]
    table(root / f"mimic-cxr-2.0.0-chexpert{suffix}", f"subject_id,study_id,{LABELS}", *label_rows)
    splits = {"aa": "train", "bb": "train", "cc": "validate", "ee": "test"}
    rows = [f"{name},50414261,10000032,{split}" for name, split in splits.items()]
    table(root / f"mimic-cxr-2.0.0-split{suffix}", "dicom_id,study_id,subject_id,split", *rows)
    return root


@pytest.mark.parametrize(("suffix", "maker"), [(".jpg", png), (".dcm", dicom)])
def test_jpg_and_dicom(tmp_path, suffix, maker):
    write(tmp_path)
    maker(tmp_path / FOLDER / "s50414261" / f"aa{suffix}")
    labels, items, failures = read_layout("mimic", tmp_path)
    (item,) = items
    assert item["image"] == str(tmp_path / FOLDER / "s50414261" / f"aa{suffix}")
    values = dict(zip(labels, item["label"], strict=True))
    assert (values["Atelectasis"], values["Consolidation"], values["Edema"]) == (1.0, 0.0, -1.0)
    assert math.isnan(values["Cardiomegaly"])
    assert (item["patient_id"], item["study_uid"], item["view"]) == ("p10000032", "s50414261", "PA")
    assert codes(failures) == {
        "bb": "NOT_FRONTAL", "cc": "MISSING_FILE", "dd": "NO_VIEW", "ee": "NO_LABELS", "ff": "NO_SPLIT",
    }  # fmt: skip


def test_official_split_and_plain_tables(tmp_path):
    write(tmp_path, ".csv")
    for study, name in ((1, "aa"), (2, "cc")):
        png(tmp_path / FOLDER / f"s5041426{study}" / f"{name}.jpg")
    _, items, _ = read_layout("mimic", tmp_path)
    assert {name: item["split"] for name, item in by_name(items).items()} == {"aa": "training", "cc": "validation"}


def test_unknown_split_is_named(tmp_path):
    write(tmp_path)
    table(tmp_path / "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split", "aa,1,1,holdout")
    with pytest.raises(
        ValueError, match=r"split\.csv\.gz: row 2: split: expected train, validate or test, found 'hold"
    ):
        read_layout("mimic", tmp_path)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("split", "aa,50414261,10000032,test", "split: expected the value that another row .* found 'test'"),
        (
            "chexpert",
            "10000032,50414261,0.0,,0.0,-1.0,,,,,,,,,,",
            "study_id: expected the value that another row",
        ),
    ],
)
def test_rows_that_contradict_each_other_are_refused(tmp_path, name, row, message):
    path = write(tmp_path, ".csv") / f"mimic-cxr-2.0.0-{name}.csv"
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(ValueError, match=rf"{name}\.csv: row \d: {message}"):
        read_layout("mimic", tmp_path)
