"""NIH ChestX-ray14: ``Data_Entry_2017*.csv``, ``train_val_list.txt``, ``test_list.txt``; maybe ``BBox_List_2017.csv``.

Labels were mined from reports: one that is not listed is 0. The header of the table has unquoted commas in
``OriginalImage[Width,Height]`` and ``OriginalImagePixelSpacing[x,y]``, that of the boxes in ``Bbox [x,y,w,h]``; only
columns before them are read by name. Boxes are given in 1024 x 1024 pixels and scaled to the size of the file. A few of
the images are RGBA, which the reader takes. The official test patients are the test set; validation is carved from the
others.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

from ...common.printable import quoted
from ..label_aliases import canonical
from .label_tables import Films, Reading, Row, age_of, find_files, find_table, read_rows, sex_of

_LABELS = [
    "No Finding", "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural Thickening", "Pneumonia", "Pneumothorax",
]  # fmt: skip
_COLUMNS = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender", "View Position"]
_BOX_SIDE = 1024


def read(root: Path) -> Reading:
    """All films; they are frontal."""
    table = find_table(root, "Data_Entry_2017*.csv")
    lists = {"training": "train_val_list.txt", "test": "test_list.txt"}
    splits = {
        name: split for split, file in lists.items() for name in find_table(root, file).read_text().split() if name
    }
    boxes = _read_boxes(root)
    place, films = find_files(root, (".png", ".jpg")), Films()
    for row in read_rows(table, _COLUMNS):
        name = row["Image Index"]
        image, split = place(name), splits.get(name)
        if not films.is_frontal(image, row["View Position"]):
            continue
        if split is None:
            films.leave_out(image, "NO_SPLIT", "no split", "its name in train_val_list.txt or test_list.txt", "neither",
                            "complete the lists")  # fmt: skip
            continue
        films.add(image, {
            "label": _label_of(row),
            "patient_id": row["Patient ID"],
            "view": row["View Position"],
            "sex": sex_of(row["Patient Gender"]),
            "age": age_of(row["Patient Age"]),
            "boxes": _scale(boxes[name], image) if name in boxes else None,
            "split": split,
        })  # fmt: skip
    return _LABELS, films.items, films.failures


def _label_of(row: Row) -> list[float]:
    """1.0 for each finding that is listed, else 0.0."""
    found = {canonical(name.strip()) for name in row["Finding Labels"].split("|")}
    if not found <= set(_LABELS):
        raise row.wrong("Finding Labels", f"names of {', '.join(_LABELS)}, separated by |")
    return [float(name in found) for name in _LABELS]


def _read_boxes(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Boxes of each image in 1024 x 1024 pixels; empty without the list."""
    boxes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    table = root / "BBox_List_2017.csv"
    if table.is_file():
        with table.open(newline="", encoding="utf-8-sig") as file:
            for number, fields in enumerate(list(csv.reader(file))[1:], start=2):
                try:
                    name, finding, xywh = fields[0], fields[1], [float(value) for value in fields[2:6]]
                    if len(xywh) != 4:
                        raise ValueError
                except (ValueError, IndexError) as error:
                    raise ValueError(
                        f"{table}: row {number}: Bbox [x,y,w,h]: expected image, finding and four numbers, found "
                        f"{quoted(','.join(fields))}; compare with the published table"
                    ) from error
                boxes[name].append({"label": canonical(finding), "xywh": xywh})
    return boxes


def _scale(boxes: list[dict[str, Any]], image: Path) -> list[dict[str, Any]]:
    """Boxes in pixels of a file."""
    from PIL import Image

    if not image.is_file():
        return boxes
    with Image.open(image) as picture:
        across, down = picture.width / _BOX_SIDE, picture.height / _BOX_SIDE
    return [
        {"label": box["label"], "xywh": [value * (across, down)[k % 2] for k, value in enumerate(box["xywh"])]}
        for box in boxes
    ]
