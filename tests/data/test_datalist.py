import json
import logging
import math

import numpy as np
import pytest
from scripts.data.datalist import build_from_csv, build_from_folder, load_datalist, write_datalist
from scripts.dicom import write_png16

from ..dicom.synthetic import make_dataset, picture, save, window

HEADER = "image,patient_id,study_uid,view,sex,age,split,boxes,Edema,Mass\n"


@pytest.fixture
def folder(tmp_path):
    for index in range(12):
        write_png16(np.full((8, 8), index / 24) + np.eye(8) / 2, tmp_path / f"{index}.png")
    return tmp_path


def content(**changes):
    return {
        "labels": ["Edema", "Mass"],
        "training": [{"image": "0.png", "label": [1, None], "patient_id": "a"}],
        "validation": [{"image": "1.png", "label": [0, -1], "patient_id": "b"}],
        "test": [{"image": "2.png", "label": [0, 0], "patient_id": "c", "age": 60}],
        "split": {"by": "patient", "seed": 0},
        **changes,
    }


def write(folder, **changes):
    (folder / "datalist.json").write_text(json.dumps(content(**changes)))
    return folder / "datalist.json"


def test_load(folder):
    datalist = load_datalist(write(folder), check_files=True)
    item = datalist.splits["training"][0]
    assert item["image"] == str(folder / "0.png")
    assert item["label"][0] == 1.0
    assert math.isnan(item["label"][1])
    assert datalist.splits["validation"][0]["label"] == [0.0, -1.0]
    assert datalist.splits["test"][0]["age"] == 60
    assert datalist.labels == ["Edema", "Mass"]
    assert len(datalist.sha256) == 64
    assert datalist.seed == 0


def test_dataset_dir(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = write(elsewhere)
    with pytest.raises(FileNotFoundError, match=r"3 of its images are missing.*0\.png, 1\.png, 2\.png"):
        load_datalist(path)
    assert load_datalist(path, folder).splits["test"][0]["image"] == str(folder / "2.png")


def item(**changes):
    return [{"image": "0.png", "label": [1, 0], "patient_id": "a", **changes}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": item(label=[1])}, r"training\[0\]: label: wrong length; expected a list of 2"),
        ({"training": item(label=[1, 2])}, "expected 1, 0, null or -1, found 2"),
        ({"training": item(patient="x")}, "found 'patient'; use 'patient_id'"),
        ({"training": item(patient_id=7)}, "patient_id: expected a text"),
        ({"trainning": []}, "found 'trainning'; use 'training'"),
        ({"training": item() * 2}, "duplicate image"),
        ({"training": item(patient_id="c")}, "same patient in two splits"),
        ({"training": "all"}, "expected a list of items"),
        ({"labels": ["Edema", "Edema"]}, "expected a list of different names"),
    ],
)
def test_errors_name_the_place(folder, changes, message):
    with pytest.raises(ValueError, match=message):
        load_datalist(write(folder, **changes))


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no datalist"):
        load_datalist(tmp_path / "absent.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        load_datalist(tmp_path / "x.json")


def test_file_content_in_two_splits(folder):
    (folder / "0.png").write_bytes((folder / "2.png").read_bytes())
    path = write(folder)
    load_datalist(path)
    with pytest.raises(ValueError, match="file content"):
        load_datalist(path, check_files=True)


def csv_rows(number=12, split=None):
    return HEADER + "".join(
        f"{k}.png,p{k // 2},,PA,F,{40 + k},{split or ''},,{k % 2},{'' if k % 3 else -1}\n" for k in range(number)
    )


def test_csv_to_json_and_back(folder):
    (folder / "labels.csv").write_text(csv_rows())
    built, failures = build_from_csv(folder / "labels.csv", seed=3)
    assert failures == []
    write_datalist(built, folder / "out" / "datalist.json", folder)
    written = json.loads((folder / "out" / "datalist.json").read_text())
    assert written["split"]["by"] == "patient"
    assert written["split"]["seed"] == 3
    assert written["training"][0]["image"].endswith(".png")
    assert "/" not in written["training"][0]["image"]
    loaded = load_datalist(folder / "out" / "datalist.json", folder)
    assert repr(loaded.splits) == repr(built.splits)
    assert loaded.splits["training"][0]["age"] >= 40


def test_images_beside_neither_folder_are_found_again(folder, tmp_path_factory):
    (folder / "labels.csv").write_text(csv_rows())
    built, _ = build_from_csv(folder / "labels.csv")
    out = tmp_path_factory.mktemp("out") / "datalist.json"
    write_datalist(built, out)
    assert "../" in out.read_text()
    assert repr(load_datalist(out).splits) == repr(built.splits)


def test_edited_split_is_said(folder, caplog):
    (folder / "labels.csv").write_text(csv_rows())
    built, _ = build_from_csv(folder / "labels.csv")
    write_datalist(built, folder / "datalist.json")
    with caplog.at_level(logging.WARNING):
        load_datalist(folder / "datalist.json")
        assert not caplog.messages
        edited = json.loads((folder / "datalist.json").read_text())
        edited["training"].pop()
        (folder / "datalist.json").write_text(json.dumps(edited))
        load_datalist(folder / "datalist.json")
        assert "edited" in caplog.text


def test_csv_split_and_boxes(folder):
    text = HEADER + '0.png,a,,,,,train,"[{""label"": ""Mass"", ""xywh"": [1, 2, 3, 4]}]",1,0\n1.png,b,,,,,val,,0,\n'
    (folder / "labels.csv").write_text(text + "2.png,c,,,,,test,,-1,1\n3.png,d,,,,,external,,1,1\n")
    built, _ = build_from_csv(folder / "labels.csv")
    assert [len(built.splits[name]) for name in ("training", "validation", "test")] == [1, 1, 1]
    assert built.splits["training"][0]["boxes"] == [{"label": "Mass", "xywh": [1.0, 2.0, 3.0, 4.0]}]
    assert built.seed is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,Edema\n0.png,1\n", "no column 'patient_id'"),
        (HEADER + "0.png,a,,,,,,,maybe,0\n", "row 2: Edema: expected 1, 0, -1 or blank, found 'maybe'"),
        (HEADER + "0.png,,,,,,,,1,0\n", "patient_id: expected a value"),
        (HEADER + "0.png,a,,,,,sometimes,,1,0\n", "row 2: expected"),
        (HEADER + "0.png,a,,,,,train,,1,0\n1.png,b,,,,,,,1,0\n", "split: expected a value in every row or in none"),
        (HEADER + "0.png,a,,,,,,,1,0\n0.png,a,,,,,,,1,0\n", "duplicate image"),
        (HEADER + "0.png,a,,,,,train,,1,0\n1.png,a,,,,,test,,1,0\n", "same patient"),
    ],
)
def test_csv_errors(folder, text, message):
    (folder / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        build_from_csv(folder / "labels.csv")


def test_csv_missing_image_and_chosen_labels(folder):
    (folder / "labels.csv").write_text(csv_rows(13))
    built, failures = build_from_csv(folder / "labels.csv", labels=["Mass"])
    assert built.labels == ["Mass"]
    assert [failure.code for failure in failures] == ["MISSING_FILE"]
    with pytest.raises(ValueError, match="Mas"):
        build_from_csv(folder / "labels.csv", labels=["Mas"])


@pytest.fixture
def studies(tmp_path):
    root = tmp_path / "studies"
    for patient in range(4):
        for image in range(2):
            path = root / f"patient{patient}" / f"IM{image}"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.roll(picture(), patient * 2 + image)
            save(
                make_dataset(pixels, PatientID=f"ID-{patient}", SOPInstanceUID=f"1.2.{patient}.{image}", **window()),
                path,
            )
    return root


def test_folder_of_studies(studies):
    save(make_dataset(picture(), Modality="CT", SOPInstanceUID="1.2.9"), studies / "ct.dcm")
    (studies / "garbage.dcm").write_bytes(b"garbage" * 99)
    (studies / "copy.dcm").write_bytes((studies / "patient0" / "IM0").read_bytes())
    (studies / "notes.txt").write_text("not an image")
    write_png16(picture() / 4095, studies / "patient7" / "film.png")
    built, failures = build_from_folder(studies)
    assert built.labels == []
    assert len(built.splits["test"]) == 9
    assert {failure.code for failure in failures} == {"NOT_CHEST", "NOT_DICOM", "DUPLICATE"}
    assert all(failure.remedy for failure in failures)
    assert len({item["patient_id"] for item in built.splits["test"]}) == 5
    write_datalist(built, studies / "datalist.json")
    text = (studies / "datalist.json").read_text()
    assert not any(secret in text for secret in ("ID-1", "Secret", "1.2.1.0"))
    assert len(load_datalist(studies / "datalist.json").splits["test"]) == 9


def test_folder_with_labels(studies, tmp_path):
    rows = "".join(f"patient{p}/IM{i},x{p},{p % 2}\n" for p in range(4) for i in range(2) if (p, i) != (3, 1))
    (tmp_path / "labels.csv").write_text("image,patient_id,Edema\n" + rows)
    built, failures = build_from_folder(studies, tmp_path / "labels.csv", seed=0, fractions=(0.5, 0.25, 0.25))
    assert built.labels == ["Edema"]
    assert [failure.code for failure in failures] == ["NO_LABELS"]
    items = [item for split in built.splits.values() for item in split]
    assert len(items) == 7
    assert all(item["label"][0] == int(item["image"].split("patient")[1][0]) % 2 for item in items)
    assert not any("x1" in item["patient_id"] for item in items)
