import json
import logging
import math

import numpy as np
import pytest
from scripts.data.datalist import Datalist, load_datalist, write_datalist
from scripts.dicom import write_png16


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


def test_age_sex_and_view_have_one_form_whoever_wrote_them(folder):
    given = {"age": "058Y", "sex": "female", "view": "PA ERECT"}
    (found,) = load_datalist(write(folder, training=item(**given))).splits["training"]
    assert (found["age"], found["sex"], found["view"]) == (58.0, "F", "PA")
    (found,) = load_datalist(write(folder, training=item(age=None, view="oblique"))).splits["training"]
    assert (found["age"], found["view"]) == (None, "oblique")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "found an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "found a Git LFS pointer"),
        (b'{"labels": ["M\xfcll"]}', "line 1: not UTF-8; .*byte 0xfc"),
        (b'{"labels": [}', "found '}' in line 1, column 13"),
    ],
)
def test_a_file_that_is_no_datalist_is_named_with_place_and_remedy(folder, written, message):
    (folder / "datalist.json").write_bytes(written)
    with pytest.raises(ValueError, match=rf"datalist\.json: .*{message}"):
        load_datalist(folder / "datalist.json")


def test_a_datalist_with_a_byte_order_mark_is_read(folder):
    path = write(folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_datalist(path).labels == ["Edema", "Mass"]


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
        ({"training": item(patient="x")}, "found 'patient'; did you mean 'patient_id'"),
        ({"training": item(patient_id=7)}, "patient_id: expected a text"),
        ({"trainning": []}, "found 'trainning'; did you mean 'training'"),
        ({"training": item() * 2}, "duplicate image"),
        ({"training": item(patient_id="c")}, "same patient in two splits"),
        ({"training": item(boxes=[{"label": "Mass", "xywh": [1, 2, 3]}])}, r"training\[0\]: boxes: expected"),
        (
            {"training": item(boxes=[{"label": "Mass", "xywh": [1, 2, 3, float("nan")]}])},
            r"training\[0\]: boxes: expected",
        ),
        ({"training": item(age=412)}, r"training\[0\]: age: expected an age from 0 to 120 years, .*found 412"),
        ({"training": item(age="-5")}, r"training\[0\]: age: .*found '-5'"),
        ({"training": item(age=[58])}, r"training\[0\]: age: expected a text or a number"),
        ({"training": item(sex="1")}, r"training\[0\]: sex: expected M, male, F"),
        ({"training": item(boxes=5)}, r"training\[0\]: boxes: expected a list of boxes, found 5; correct it"),
        ({"training": item(boxes={"label": "Mass"})}, r"training\[0\]: boxes: expected a list of boxes"),
        ({"training": item(boxes=["Mass"])}, r"training\[0\]: boxes: expected"),
        ({"training": item(boxes=[{"label": "Mass", "xywh": [1, 2, 3, 10**400]}])}, r"training\[0\]: boxes: expected"),
        (
            {"training": item(boxes=[{"label": "Mass", "xywh": [1, 2, 0, 4]}])},
            r"training\[0\]: boxes: expected a width and a height above 0, found .*0, 4.*; correct or remove it",
        ),
        ({"training": item(boxes=[{"label": "Mass", "xywh": [1, 2, 3, -4]}])}, "expected a width and a height above 0"),
        ({"training": item(masks=["1.png"])}, "masks: expected an object of label and file"),
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


def built(folder):
    """A datalist of three images, not yet written."""
    item = {"image": str(folder / "0.png"), "label": [1.0, math.nan], "patient_id": "a", "age": 40.0}
    others = [{"image": str(folder / f"{k}.png"), "label": [0.0, -1.0], "patient_id": f"{k}"} for k in (1, 2)]
    return Datalist(
        ["Edema", "Mass"], {"training": [item], "validation": others[:1], "test": others[1:]}, path=None, seed=3
    )


def test_to_json_and_back(folder):
    write_datalist(built(folder), folder / "out" / "datalist.json", folder)
    written = json.loads((folder / "out" / "datalist.json").read_text())
    assert written["split"]["by"] == "patient"
    assert written["split"]["seed"] == 3
    assert written["training"][0]["image"] == "0.png"
    assert written["training"][0]["label"] == [1, None]
    loaded = load_datalist(folder / "out" / "datalist.json", folder)
    assert repr(loaded.splits) == repr(built(folder).splits)


def test_images_beside_neither_folder_are_found_again(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "datalist.json"
    write_datalist(built(folder), out)
    assert "../" in out.read_text()
    assert repr(load_datalist(out).splits) == repr(built(folder).splits)


def test_boxes_and_masks_may_be_null(folder):
    write(folder, training=item(boxes=None, masks=None))
    datalist = load_datalist(folder / "datalist.json")
    write_datalist(datalist, folder / "again.json")
    assert load_datalist(folder / "again.json").splits["training"][0]["masks"] is None


def test_masks_are_found_as_images_are(folder, tmp_path_factory):
    datalist = built(folder)
    datalist.splits["test"][0]["masks"] = {"Mass": str(folder / "5.png")}
    for out, parent in ((folder / "datalist.json", ""), (tmp_path_factory.mktemp("out") / "datalist.json", "../")):
        write_datalist(datalist, out)
        assert json.loads(out.read_text())["test"][0]["masks"]["Mass"].startswith(parent)
        assert load_datalist(out).splits["test"][0]["masks"] == {"Mass": str(folder / "5.png")}
    (folder / "5.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"5\.png"):
        load_datalist(folder / "datalist.json")


def test_edited_split_is_said(folder, caplog):
    write_datalist(built(folder), folder / "datalist.json")
    with caplog.at_level(logging.WARNING):
        load_datalist(folder / "datalist.json")
        assert not caplog.messages
        edited = json.loads((folder / "datalist.json").read_text())
        edited["training"].pop()
        (folder / "datalist.json").write_text(json.dumps(edited))
        load_datalist(folder / "datalist.json")
        assert "edited" in caplog.text
