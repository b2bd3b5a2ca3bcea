"""RSNA Pneumonia Detection Challenge, stage 2: ``stage_2_train_labels.csv``, ``stage_2_train_images/<patientId>.dcm``.

``Pneumonia`` is the column Target (an opacity that may be pneumonia). ``No Finding`` is the class "Normal" of
``stage_2_detailed_class_info.csv``, or null without this table. The test images have no labels and are not read. There
is no official split. The images are those of NIH ChestX-ray14, with several images of a patient. If
``pneumonia-challenge-dataset-mappings_2018.json`` is in the folder, the split is by NIH's patients; without it, every
image counts as a patient. Views are read from the DICOM headers.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from ...common.refusal import RefusedInput
from ...common.text_file import read_json
from ...dicom.read.radiograph import read_header
from ..attributes import direction_of, is_blank
from ..sources import failure
from ..tables import Row, read_rows
from .label_tables import Films, Reading, find_image, find_table, put_once

_LABELS = ["No Finding", "Pneumonia"]
_CLASSES = {"Normal": 1.0, "No Lung Opacity / Not Normal": 0.0, "Lung Opacity": 0.0}


def read(root: Path) -> Reading:
    """Read the films of the training images."""
    targets, boxes = _read_targets(find_table(root, "stage_2_train_labels.csv"))
    normal, patients = _read_classes(root), _read_patients(root)
    films = Films()
    for name, row in targets.items():
        image = find_image(root / "stage_2_train_images" / f"{name}.dcm")
        view = ""
        if os.path.isfile(image.path):
            try:
                view = read_header(image.path)[0]["view"] or ""
            except RefusedInput as refusal:
                films.failures.append(failure(str(image.path), refusal))
                continue
            if view and not films.is_frontal(row.where, image, view):
                continue
        films.add(row.where, image, {
            "label": [normal.get(name, float("nan")), row.number("Target")],
            "patient_id": patients.get(name, name),
            "view": direction_of(view),
            "boxes": boxes.get(name),
        })  # fmt: skip
    return films.reading(_LABELS)


def _read_targets(table: Path) -> tuple[dict[str, Row], dict[str, list[dict[str, Any]]]]:
    """First row of each image, and its boxes; an image has a row for each box."""
    targets: dict[str, Row] = {}
    boxes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(table, ["patientId", "x", "y", "width", "height", "Target"]):
        name = row["patientId"]
        if row["Target"] not in ("0", "1"):
            raise row.wrong("Target", "0 or 1")
        if targets.setdefault(name, row)["Target"] != row["Target"]:
            raise row.wrong("Target", "the value of the other rows of this image")
        if not is_blank(row["x"]):
            xywh = [row.number(column) for column in ("x", "y", "width", "height")]
            boxes[name].append({"label": "Pneumonia", "xywh": xywh})
    return targets, boxes


def _read_classes(root: Path) -> dict[str, float]:
    """``No Finding`` of each image: 1.0 for the class "Normal", 0.0 for the others; empty without the table."""
    table = root / "stage_2_detailed_class_info.csv"
    if not table.is_file():
        return {}
    classes: dict[str, float] = {}
    for row in read_rows(table, ["patientId", "class"]):
        if row["class"] not in _CLASSES:
            raise row.wrong("class", f"one of {', '.join(_CLASSES)}")
        put_once(classes, row["patientId"], _CLASSES[row["class"]], row, "class")
    return classes


def _read_patients(root: Path) -> dict[str, str]:
    """NIH's patient of each image; empty without the mapping."""
    mapping = root / "pneumonia-challenge-dataset-mappings_2018.json"
    if not mapping.is_file():
        return {}
    expected = "a list of objects with subset_img_id and img_id"
    entries = read_json(mapping, expected, "download it again")
    try:
        return {entry["subset_img_id"]: entry["img_id"].split("_")[0] for entry in entries}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{mapping}: not the mapping; expected {expected}, found {type(error).__name__} {error}; download it again"
        ) from error
