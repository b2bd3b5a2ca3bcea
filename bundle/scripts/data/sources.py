"""Reads the items of a datalist from a CSV of labels or from a folder of studies."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..common.choices import check_choice
from ..common.failures import Failure
from ..common.progress import Progress
from ..common.refusal import RefusedInput
from ..common.text_file import parse_json
from ..dicom.gate.chest_film import require_chest_film
from ..dicom.gate.study_selection import find_candidates
from ..dicom.header import hash_identifier
from ..dicom.read.radiograph import read_header
from .attributes import direction_of, is_blank, read_view
from .label_aliases import match_labels
from .tables import Row, read_columns, read_rows

logger = logging.getLogger(__name__)

_REQUIRED = ("image", "patient_id")
_COLUMNS = (*_REQUIRED, "study_uid", "view", "sex", "age", "split", "boxes", "bbox")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")  # of copies that are mentioned where a file is missing
_SPLIT_NAMES = {"train": "training", "training": "training", "val": "validation", "valid": "validation",
               "validation": "validation", "test": "test", "external": "external"}  # fmt: skip


def read_csv_items(
    path: Path, labels: Sequence[str] | None, image_root: Path
) -> tuple[list[str], list[dict[str, Any]], list[Failure]]:
    """Read the items of a CSV of labels.

    The columns are ``image``, ``patient_id`` (both required), ``study_uid``, ``view``, ``sex``, ``age``, ``split``,
    ``boxes`` or ``bbox`` (JSON), and labels with the values 1, 0, -1 (uncertain) or blank. Rows of the split
    ``external`` are left out, because they belong to another data set. Lateral films and missing images are failures.

    Args:
        path: path of the CSV, see :mod:`.tables`.
        labels: names or aliases of the label columns; ``None`` takes every column that has no other meaning.
        image_root: folder that ``image`` is relative to.

    Returns:
        Names of the labels; items with an absolute ``image`` and, if the CSV has it, ``split``; failures.

    Raises:
        FileNotFoundError: the CSV does not exist.
        ValueError: a column is missing, or a value is not allowed; the message names row and column.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a CSV of labels, found nothing; check the path")
    available = [name for name in read_columns(path, _REQUIRED) if name not in _COLUMNS]
    columns = available if labels is None else [available[k] for k in match_labels(labels, available, str(path))]
    items: list[dict[str, Any]] = []
    failures, external = [], 0
    for row in read_rows(path, _REQUIRED):
        item = _parse_row(row, columns)
        item["image"] = os.path.abspath(image_root / _as_path(item["image"], image_root))
        if item.get("split") == "external":
            external += 1
        elif refusal := _find_reason(row, item):
            failures.append(failure(item["image"], refusal))
        else:
            items.append(item)
    if external:
        logger.warning("%s: %d rows of the split 'external' left out", path, external)
    with_split = sum("split" in item for item in items)
    if with_split not in (0, len(items)):
        raise ValueError(
            f"{path}: split: expected a value in every row or in none, found {with_split} of {len(items)}; complete it"
        )
    return list(labels) if labels is not None else columns, items, failures


def _parse_row(row: Row, labels: Sequence[str]) -> dict[str, Any]:
    """Item of a CSV row, without attributes that are blank."""
    for column in _REQUIRED:
        if is_blank(row[column]):
            raise row.wrong(column, "a value", "complete the row; the split is by patient and needs both columns")
    item: dict[str, Any] = {column: row[column] for column in _REQUIRED} | {"label": row.labels(labels)}
    optional = {
        "study_uid": row["study_uid"],
        "view": direction_of(row["view"]),
        "sex": row.sex("sex"),
        "age": row.age("age"),
        "boxes": _parse_boxes(row, "boxes") or _parse_boxes(row, "bbox"),
    }
    item |= {key: value for key, value in optional.items() if value not in (None, "", [])}
    if not is_blank(row["split"]):
        check_choice(f"{row.where}: split", row["split"].lower(), _SPLIT_NAMES)
        item["split"] = _SPLIT_NAMES[row["split"].lower()]
    return item


def _parse_boxes(row: Row, column: str) -> list[dict[str, Any]]:
    """Boxes of a film, ``{"label", "xywh"}``; an empty list for a blank.

    Raises:
        ValueError: the cell is not a JSON list of boxes.
    """
    if is_blank(row[column]):
        return []
    expected = '[{"label": …, "xywh": [x, y, width, height]}]'
    content = parse_json(row[column], f"{row.where}: {column}", expected, "correct the row")
    try:
        boxes: list[dict[str, Any]] = [
            {"label": str(box["label"]), "xywh": [float(value) for value in box["xywh"]]} for box in content
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise row.wrong(column, expected) from error
    if any(len(box["xywh"]) != 4 or not all(math.isfinite(value) for value in box["xywh"]) for box in boxes):
        raise row.wrong(column, expected)
    if any(min(box["xywh"][2:]) <= 0 for box in boxes):
        raise row.wrong(column, "boxes with a width and a height above 0")
    return boxes


def _as_path(name: str, image_root: Path) -> str:
    """Path of an image with the separators of this system, where a table from Windows has backslashes."""
    return name if os.path.isfile(image_root / name) else name.replace("\\", "/")


def _find_reason(row: Row, item: dict[str, Any]) -> RefusedInput | None:
    """Reason why the film of a row cannot be an item; ``None`` if it can."""
    if read_view(row["view"]) == "OTHER":
        return RefusedInput(
            "NOT_FRONTAL", f"{row.where}: not a frontal view", "PA or AP", row["view"], "nothing; the film is left out"
        )
    if os.path.isfile(item["image"]):  # false as well for a name that no file can have
        return None
    path = Path(item["image"])
    twins = [path.with_suffix(suffix).name for suffix in _SUFFIXES if os.path.isfile(path.with_suffix(suffix))]
    found = f"only {', '.join(twins)}" if twins else "nothing"
    return RefusedInput(
        "MISSING_FILE", f"{row.where}: no such file", "an image", found, "correct the table, or set image_root"
    )


def read_folder_items(folder: Path) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Read the items of the frontal radiographs below a folder, from their headers only.

    Identifiers are hashed. Without a DICOM header, the patient is the first folder below ``folder``, or the name of the
    file. Hidden files, tables, texts and DICOMDIR are skipped. All frontal films of a study are items.

    Returns:
        Items, and a failure for every other file.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; expected a folder of studies, found nothing; check the path"
        )
    items: list[dict[str, Any]] = []
    failures, seen = [], dict[str, str]()
    files = find_candidates(folder)
    for path in Progress("reading headers", len(files)).over(files):
        try:
            item = _header_item(path, folder)
            first = seen.setdefault(f"{item.get('sop_uid', path)} {item['patient_id']}", str(path))
            if first != str(path):
                raise RefusedInput(
                    "DUPLICATE",
                    "duplicate SOP instance",
                    "each once",
                    f"it in {first} as well",
                    "remove one",
                    str(path),
                )
            items.append(item)
        except RefusedInput as refusal:
            failures.append(failure(str(path), refusal))
    return items, failures


def _header_item(path: Path, folder: Path) -> dict[str, Any]:
    """Item of a file, without labels.

    Raises:
        RefusedInput: the file is not an image, or its header says that it is not a frontal chest film.
    """
    meta, identifiers = read_header(path)
    require_chest_film(meta, path)
    below = path.relative_to(folder)
    owner = below.parts[0] if len(below.parts) > 1 else below.stem
    known = identifiers.get("patient_id") or identifiers.get("study_uid") or identifiers.get("sop_uid")
    item: dict[str, Any] = {"image": os.path.abspath(path), "label": [], "patient_id": known or hash_identifier(owner)}
    item |= {key: identifiers[key] for key in ("study_uid", "sop_uid") if key in identifiers}
    return item | ({"view": meta["view"]} if meta["view"] else {})


def failure(image: str, refusal: RefusedInput) -> Failure:
    """Row of ``failures.csv`` for an image that is not an item."""
    return Failure(
        image, refusal.code, f"{refusal.what}; expected {refusal.expected}, found {refusal.found}", refusal.remedy
    )
