import pytest
from scripts.data.layouts import read_layout
from scripts.dicom import read_radiograph

from .miniature import by_name, codes, png, table

# The header as published: its brackets hold commas without quotes.
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
REST = "2682,2749,0.143,0.143,"
BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,"


def write(root):
    table(
        root / "Data_Entry_2017.csv", HEADER,
        f"00000001_000.png,Cardiomegaly|Effusion,0,1,058Y,M,PA,{REST}",
        f"00000002_000.png,No Finding,0,2,414,F,AP,{REST}",
        f"00000003_000.png,Pleural_Thickening|Infiltration,0,3,74,F,PA,{REST}",
        f"00000004_000.png,Hernia,0,4,74,F,PA,{REST}",
    )  # fmt: skip
    (root / "train_val_list.txt").write_text("00000001_000.png\n00000003_000.png")
    (root / "test_list.txt").write_text("00000002_000.png\n")
    png(root / "images_001" / "images" / "00000001_000.png", 512)
    png(root / "images_002" / "images" / "00000002_000.png", mode="RGBA")
    png(root / "images_002" / "images" / "00000004_000.png")
    return root


def test_films_of_all_folders_with_their_official_split(tmp_path):
    labels, items, failures = read_layout("nih", write(tmp_path))
    found = by_name(items)
    assert {name: item["split"] for name, item in found.items()} == {"00000001_000": "training", "00000002_000": "test"}
    first = found["00000001_000"]
    positive = [label for label, value in zip(labels, first["label"], strict=True) if value]
    assert positive == ["Cardiomegaly", "Pleural Effusion"] and set(first["label"]) == {0.0, 1.0}
    assert (first["patient_id"], first["view"], first["sex"], first["age"]) == ("1", "PA", "M", 58.0)
    assert "age" not in found["00000002_000"]  # 414 years
    assert read_radiograph(found["00000002_000"]["image"]).image.shape == (1, 16, 16)
    assert codes(failures) == {"00000003_000": "MISSING_FILE", "00000004_000": "NO_SPLIT"}


def test_boxes_are_scaled_to_the_file(tmp_path):
    row = "00000001_000.png,Infiltrate,225.08,547.02,86.78,79.19,,,"
    table(write(tmp_path) / "BBox_List_2017.csv", BOXES, row)
    _, items, _ = read_layout("nih", tmp_path)
    (box,) = by_name(items)["00000001_000"]["boxes"]
    assert box["label"] == "Infiltration"
    assert box["xywh"] == pytest.approx([112.54, 273.51, 43.39, 39.595])


def test_copies_in_another_format_and_lists_of_windows(tmp_path, caplog):
    for path in list(write(tmp_path).rglob("*.png")):
        path.unlink()
    for name in ("00000001_000", "00000002_000"):
        png(tmp_path / "jpg" / f"{name}.jpg")
    (tmp_path / "train_val_list.txt").write_bytes("\ufeff00000001_000.png\r\n00000001_000.png \r\n\r\n".encode())
    _, items, _ = read_layout("nih", tmp_path)
    assert {item["image"].rpartition("/")[2]: item["split"] for item in items} == {
        "00000001_000.jpg": "training",
        "00000002_000.jpg": "test",
    }
    assert "1 impossible values left out; the first: " in caplog.text
    assert "Data_Entry_2017.csv: row 3: Patient Age: expected an age from 0 to 120 years" in caplog.text


def test_an_image_in_both_lists_is_refused(tmp_path):
    (write(tmp_path) / "test_list.txt").write_text("00000002_000.png\n00000001_000.png\n")
    with pytest.raises(ValueError, match=r"test_list\.txt: line 2: image in both lists; .*found '00000001_000\.png'"):
        read_layout("nih", tmp_path)


def test_two_files_of_one_name_are_left_out_with_both_named(tmp_path):
    png(write(tmp_path) / "images_003" / "images" / "00000001_000.png")
    _, items, failures = read_layout("nih", tmp_path)
    assert "00000001_000" not in by_name(items)
    assert codes(failures)["00000001_000"] == "AMBIGUOUS_FILE"


def test_lateral_rows_and_broken_tables(tmp_path):
    row = f"00000001_000.png,Cardiomegaly,0,1,058Y,M,LATERAL,{REST}"
    path = table(write(tmp_path) / "Data_Entry_2017.csv", HEADER, row)
    (failure,) = read_layout("nih", tmp_path)[2]
    assert failure.code == "NOT_FRONTAL" and "Data_Entry_2017.csv: row 2: not a frontal view" in failure.reason
    path.write_text(HEADER + "\n" + "00000001_000.png,Cardiomegaly,0,1\n")
    with pytest.raises(ValueError, match=r"row 2: wrong number of cells; expected 11 as in the header, found 4"):
        read_layout("nih", tmp_path)
    path.write_text(HEADER.replace("Patient Age", "Patient ID") + "\n" + row + "\n")
    with pytest.raises(ValueError, match=r"no column 'Patient Age'"):
        read_layout("nih", tmp_path)


def test_a_broken_image_with_boxes_costs_no_other_image(tmp_path):
    table(write(tmp_path) / "BBox_List_2017.csv", BOXES, "00000001_000.png,Mass,1,2,3,4,,,")
    next(tmp_path.rglob("00000001_000.png")).write_bytes(b"cut off")
    _, items, failures = read_layout("nih", tmp_path)
    assert "00000002_000" in by_name(items) and codes(failures)["00000001_000"] == "DECODE"


def test_errors_name_the_place(tmp_path):
    table(write(tmp_path) / "BBox_List_2017.csv", BOXES, "a.png,Mass,1,2,3,,,,")
    with pytest.raises(ValueError, match=r"BBox_List_2017\.csv: row 2: h\]: expected a number"):
        read_layout("nih", tmp_path)
    table(tmp_path / "Data_Entry_2017.csv", HEADER, f"00000001_000.png,Flu,0,1,58,M,PA,{REST}")
    (tmp_path / "BBox_List_2017.csv").unlink()
    with pytest.raises(ValueError, match=r"Data_Entry_2017\.csv: row 2: Finding Labels: expected .*found 'Flu'"):
        read_layout("nih", tmp_path)
    (tmp_path / "test_list.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected test_list\.txt"):
        read_layout("nih", tmp_path)
