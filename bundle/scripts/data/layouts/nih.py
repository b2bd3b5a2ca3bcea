"""NIH ChestX-ray14: ``Data_Entry_2017*.csv``, ``train_val_list.txt``, ``test_list.txt``, and ``BBox_List_2017.csv``.

The table of boxes is optional. The labels were extracted from reports, so a finding that is not listed is 0. The
headers have unquoted commas in ``OriginalImage[Width,Height]``, ``OriginalImagePixelSpacing[x,y]`` and
``Bbox [x,y,w,h]``, which give columns such as ``Bbox [x`` and ``h]``. Boxes are in pixels of 1024 x 1024 and are scaled
to the size of the file. Copies of the images with another suffix are read as well. The official test list is the test
split; the validation split is taken from the other patients.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from ...common.printable import quoted
from ...common.refusal import RefusedInput
from ...common.text_file import read_text
from ..attributes import direction_of
from ..label_aliases import canonical
from ..sources import failure
from ..tables import Row, read_rows
from .label_tables import Films, Reading, find_files, find_table

_LABELS = [
    "No Finding", "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural Thickening", "Pneumonia", "Pneumothorax",
]  # fmt: skip
_COLUMNS = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender", "View Position"]
_BOX_COLUMNS = ["Bbox [x", "y", "w", "h]"]
_BOX_SIDE = 1024
_LISTS = {"training": "train_val_list.txt", "test": "test_list.txt"}
_IN_LISTS = " or ".join(_LISTS.values())


def read(root: Path) -> Reading:
    """Read the films, all of which are frontal."""
    table, splits, boxes = find_table(root, "Data_Entry_2017*.csv"), _read_splits(root), _read_boxes(root)
    find, films = find_files(root, (".png", ".jpg", ".jpeg")), Films()
    for row in read_rows(table, _COLUMNS):
        name = row["Image Index"]
        image, split = find(name), splits.get(name)
        if not films.is_frontal(row.where, image, row["View Position"]):
            continue
        if split is None:
            lists = " or ".join(_LISTS.values())
            films.leave_out(
                row.where, image, "NO_SPLIT", "no split", f"its name in {lists}", "neither", "complete the lists"
            )
            continue
        try:
            scaled = _scale(boxes.get(name, []), image.path)
        except RefusedInput as refusal:
            films.failures.append(failure(str(image.path), refusal))
            continue
        films.add(row.where, image, {
            "label": _label_of(row),
            "patient_id": row["Patient ID"],
            "view": direction_of(row["View Position"]),
            "sex": films.optional(row.sex, "Patient Gender"),
            "age": films.optional(row.age, "Patient Age"),
            "boxes": scaled or None,
            "split": split,
        })  # fmt: skip
    return films.reading(_LABELS)


def _read_splits(root: Path) -> dict[str, str]:
    """Split of each image.

    Raises:
        FileNotFoundError: a list does not exist.
        ValueError: an image is in both lists.
    """
    splits: dict[str, str] = {}
    for split, file in _LISTS.items():
        path = find_table(root, file)
        for number, line in enumerate(read_text(path, "a list of images").splitlines(), start=1):
            name = line.strip().strip(",;\"'")
            if splits.setdefault(name, split) != split:
                raise ValueError(
                    f"{path}: line {number}: image in both lists; expected it in {_IN_LISTS}, found {quoted(name)} in "
                    "both; download the lists again"
                )
    return splits


def _label_of(row: Row) -> list[float]:
    """1.0 for each finding that is listed, 0.0 for the others."""
    found = {canonical(name.strip()) for name in row["Finding Labels"].split("|")}
    if not found <= set(_LABELS):
        raise row.wrong("Finding Labels", f"names of {', '.join(_LABELS)}, separated by |")
    return [float(name in found) for name in _LABELS]


def _read_boxes(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Boxes of each image, in pixels of 1024 x 1024; empty without the table."""
    boxes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    table = root / "BBox_List_2017.csv"
    if table.is_file():
        for row in read_rows(table, ["Image Index", "Finding Label", *_BOX_COLUMNS]):
            box = {"label": canonical(row["Finding Label"]), "xywh": [row.number(column) for column in _BOX_COLUMNS]}
            boxes[row["Image Index"]].append(box)
    return boxes


def _scale(boxes: list[dict[str, Any]], image: Path) -> list[dict[str, Any]]:
    """Scale boxes to the pixels of an image file.

    Raises:
        RefusedInput: the file is not an image.
    """
    from PIL import Image

    if not boxes or not os.path.isfile(image):
        return boxes
    try:
        with Image.open(image) as picture:
            across, down = picture.width / _BOX_SIDE, picture.height / _BOX_SIDE
    except (OSError, Image.DecompressionBombError) as error:
        raise RefusedInput(
            "DECODE",
            "the picture cannot be decoded",
            "a PNG or JPEG",
            type(error).__name__,
            "download it again",
            str(image),
        ) from error
    return [
        {"label": box["label"], "xywh": [value * (across, down)[k % 2] for k, value in enumerate(box["xywh"])]}
        for box in boxes
    ]
