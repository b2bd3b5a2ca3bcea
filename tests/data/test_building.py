import json

import numpy as np
import pytest
from scripts.data.building import build_from_csv, build_from_folder, build_from_layout
from scripts.data.datalist import load_datalist, write_datalist
from scripts.dicom import write_png16

from ..dicom.synthetic import make_dataset, picture, save, window

HEADER = "image,patient_id,study_uid,view,sex,age,split,boxes,Edema,Mass\n"


@pytest.fixture
def folder(tmp_path):
    for index in range(12):
        write_png16(np.full((8, 8), index / 24) + np.eye(8) / 2, tmp_path / f"{index}.png")
    return tmp_path


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
        ("image,Edema\n0.png,1\n", "no column 'patient_id'; expected it in the header, found image, Edema"),
        (HEADER + "0.png,a,,,,,,,maybe,0\n", "row 2: Edema: expected 1, 0, -1 or blank, found 'maybe'"),
        (HEADER + "0.png,,,,,,,,1,0\n", "patient_id: expected a value"),
        (HEADER + "0.png,a,,,,,sometimes,,1,0\n", "row 2: split: .*found 'sometimes'"),
        (HEADER + "0.png,nan,,,,,,,1,0\n", "row 2: patient_id: expected a value, found 'nan'"),
        (HEADER + "0.png,a,,,,,,,1\n", "row 2: wrong number of cells; expected 10 as in the header, found 9"),
        (HEADER + "0.png,a,,,,,,,1,0,1\n", "row 2: wrong number of cells; expected 10 as in the header, found 11"),
        (HEADER + "0.png,a,,,,412,,,1,0\n", "row 2: age: expected an age from 0 to 120 years.*found '412'"),
        (HEADER + "0.png,a,,,,-5,,,1,0\n", "row 2: age: .*found '-5'"),
        (HEADER + "0.png,a,,,7,,,,1,0\n", "row 2: sex: .*found '7'"),
        (HEADER + "0.png,a,,,,,,[1],1,0\n", "row 2: boxes: expected .*xywh"),
        (
            HEADER + '0.png,a,,,,,,"[{""label"": ""Mass"", ""xywh"": [1, 2, 0, 4]}]",1,0\n',
            "row 2: boxes: expected boxes with a width and a height above 0",
        ),
        (HEADER + '0.png,a,,,,,,"{""a""",1,0\n', "row 2: boxes: not JSON; .*found the end of the text in line 1"),
        (HEADER.replace("Mass", "Edema") + "0.png,a,,,,,,,1,0\n", "duplicate column; .*'Edema' 2 times"),
        (HEADER, "labels.csv: no rows"),
        (HEADER + "0.png,a,,,,,train,,1,0\n1.png,b,,,,,,,1,0\n", "split: expected a value in every row or in none"),
        (HEADER + "0.png,a,,,,,,,1,0\n0.png,a,,,,,,,1,0\n", "duplicate image"),
        (HEADER + "0.png,a,,,,,train,,1,0\n1.png,a,,,,,test,,1,0\n", "same patient"),
    ],
)
def test_csv_errors(folder, text, message):
    (folder / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        build_from_csv(folder / "labels.csv")


def test_attributes_are_read_in_the_usual_forms_and_laterals_are_left_out(folder):
    rows = "0.png,a,,PA ERECT,m,058Y,,,1,0\n1.png,b,,LATERAL,Female,6 months,,,1,0\n2.png,c,,AP,female,006M,,,1,0\n"
    (folder / "labels.csv").write_text(HEADER + rows + "3.png,d,,,Unknown,,,,1,0\n")
    built, (failure,) = build_from_csv(folder / "labels.csv", fractions=(1, 0, 0))
    found = [(item.get("view"), item.get("sex"), item.get("age")) for item in built.splits["training"]]
    assert found == [("PA", "M", 58.0), ("AP", "F", 0.5), (None, None, None)]
    assert failure.code == "NOT_FRONTAL" and failure.path.endswith("1.png")
    assert "labels.csv: row 3: not a frontal view; expected PA or AP, found LATERAL" in failure.reason


def test_a_semicolon_table_of_a_german_excel(folder):
    text = "\ufeffimage;patient_id;age;Edema;Mass;\r\n0.png;a;45,5;1,0;;\r\n1.png;b;;0;-1;\r\n;;;;;\r\n"
    (folder / "labels.csv").write_text(text)
    built, failures = build_from_csv(folder / "labels.csv", fractions=(1, 0, 0))
    assert built.labels == ["Edema", "Mass"] and not failures
    first, second = built.splits["training"]
    assert first["label"] == pytest.approx([1, np.nan], nan_ok=True) and second["label"] == [0, -1]
    assert built.splits["training"][0]["age"] == 45.5


def test_one_image_under_two_spellings_is_a_duplicate(folder):
    (folder / "sub").mkdir()
    (folder / "labels.csv").write_text("image,patient_id,Edema\n0.png,a,1\nsub/../0.png,a,1\n")
    with pytest.raises(ValueError, match="duplicate image"):
        build_from_csv(folder / "labels.csv")


def test_a_name_that_no_file_can_have_costs_no_other_image(folder):
    (folder / "labels.csv").write_text(f"image,patient_id,Edema\n{'x' * 300}.png,a,1\n1.png,b,0\n")
    built, (failure,) = build_from_csv(folder / "labels.csv", fractions=(1, 0, 0))
    assert len(built.splits["training"]) == 1
    assert failure.code == "MISSING_FILE" and "row 2: no such file" in failure.reason


def test_paths_of_windows_and_a_copy_in_another_format(folder):
    write_png16(np.eye(8), folder / "sub" / "a.png")
    (folder / "labels.csv").write_text("image,patient_id,Edema\nsub\\a.png,a,1\n1.jpg,b,0\n")
    built, (failure,) = build_from_csv(folder / "labels.csv", fractions=(1, 0, 0))
    assert built.splits["training"][0]["image"] == str(folder / "sub" / "a.png")
    assert (
        failure.code == "MISSING_FILE" and "row 3: no such file; expected an image, found only 1.png" in failure.reason
    )


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
    assert {failure.code for failure in failures} == {"OTHER_MODALITY", "NOT_DICOM", "DUPLICATE"}
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


def test_a_lateral_of_the_table_is_one_failure_also_where_the_header_has_no_view(studies, tmp_path):
    rows = "".join(f"patient{p}/IM{i},x{p},{p % 2},{'LL' if i else 'PA'}\n" for p in range(4) for i in range(2))
    (tmp_path / "labels.csv").write_text("image,patient_id,Edema,view\n" + rows)
    built, failures = build_from_folder(studies / ".." / "studies", tmp_path / "labels.csv")
    assert sum(map(len, built.splits.values())) == 4
    assert [failure.code for failure in failures] == ["NOT_FRONTAL"] * 4


@pytest.fixture
def layout(monkeypatch):
    """What ``read_layout`` gives: 40 patients, two films each, of which ``official(patient)`` says the split."""

    def use(official):
        items = [
            {"image": f"/{patient}/{film}", "label": [1.0, 0.0], "patient_id": f"p{patient}", **official(patient)}
            for patient in range(40)
            for film in range(2)
        ]
        monkeypatch.setattr("scripts.data.building.read_layout", lambda name, root: (["Edema", "Mass"], items, []))
        return build_from_layout("nih", ".", seed=5)[0]

    return use


def sizes(built):
    return [len(built.splits[name]) for name in ("training", "validation", "test")]


def test_official_test_stays_and_validation_is_carved_by_patient(layout):
    built = layout(lambda patient: {"split": "test" if patient < 10 else "training"})
    assert sizes(built) == [54, 6, 20] and built.seed == 5
    assert {item["patient_id"] for item in built.splits["test"]} == {f"p{k}" for k in range(10)}
    assert not {i["patient_id"] for i in built.splits["training"]} & {
        i["patient_id"] for i in built.splits["validation"]
    }
    assert not any("split" in item for items in built.splits.values() for item in items)


def test_three_official_splits_stay_and_none_is_new(layout):
    official = layout(lambda patient: {"split": ("training", "validation", "test")[patient % 3]})
    assert sizes(official) == [28, 26, 26] and official.seed is None
    assert sizes(layout(lambda patient: {})) == [56, 8, 16]


def test_patient_in_two_official_splits_is_an_error(monkeypatch):
    items = [{"image": f"/{k}", "label": [], "patient_id": "p", "split": k} for k in ("training", "test")]
    monkeypatch.setattr("scripts.data.building.read_layout", lambda name, root: ([], items, []))
    with pytest.raises(ValueError, match="same patient in two splits"):
        build_from_layout("nih", ".")


def test_chosen_labels_come_in_their_order(monkeypatch):
    items = [{"image": "/0", "label": [1.0, 0.0], "patient_id": "p", "split": "test"}]
    monkeypatch.setattr("scripts.data.building.read_layout", lambda name, root: (["Edema", "Mass"], items, []))
    built, _ = build_from_layout("nih", ".", labels=["Mass", "Edema"])
    assert built.labels == ["Mass", "Edema"] and built.splits["test"][0]["label"] == [0.0, 1.0]
    with pytest.raises(ValueError, match=r"nih: labels: .*found 'Mas'; did you mean 'Mass'\?"):
        build_from_layout("nih", ".", labels=["Mas"])
