"""Items of a datalist from a CSV of labels or a folder of studies."""

from __future__ import annotations

import csv
import difflib
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..common.failures import Failure
from ..common.printable import quoted, shortened
from ..common.refusal import RefusedInput
from ..dicom.gate.chest_film import require_chest_film
from ..dicom.gate.study_selection import find_candidates
from ..dicom.header import hash_identifier
from ..dicom.read.radiograph import read_header
from .label_aliases import match_labels

logger = logging.getLogger(__name__)

_COLUMNS = ("image", "patient_id", "study_uid", "view", "sex", "age", "split", "boxes")
LABEL_VALUES = {"": math.nan, "nan": math.nan, "1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0, "-1": -1.0, "-1.0": -1.0}
_SPLIT_NAMES = {"train": "training", "training": "training", "val": "validation", "valid": "validation",
               "validation": "validation", "test": "test", "external": "external"}  # fmt: skip


def read_csv_items(
    path: Path, labels: Sequence[str] | None, image_root: Path
) -> tuple[list[str], list[dict[str, Any]], list[Failure]]:
    """Items of a CSV with the columns ``COLUMNS`` (only ``image`` and ``patient_id`` are required) and labels.

    Args:
        path: CSV file, UTF-8; ``boxes`` (or ``bbox``) is a JSON list, labels are 1, 0, -1 (uncertain) or blank.
        labels: label columns, maybe by an alias; ``None`` for every column that is not in ``COLUMNS``.
        image_root: folder that ``image`` is relative to.

    Returns:
        Labels; items with an absolute ``image`` and, if the CSV has it, ``split``; images that are missing. Rows of the
        split ``external`` are left out: they are another data set, kept for later.

    Raises:
        FileNotFoundError: no such CSV.
        ValueError: a column is missing or a value is not one of those allowed, naming row and column.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a CSV of labels, found nothing; check the path")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or []), list(reader)
    columns = _choose_labels(header, labels, path)
    items, failures, external = [], [], 0
    for number, row in enumerate(rows, start=2):  # as a spreadsheet counts
        item = _parse_row(row, columns, f"{path}: row {number}")
        if item.get("split") == "external":
            external += 1
            continue
        item["image"] = str((image_root / item["image"]).absolute())
        if Path(item["image"]).is_file():
            items.append(item)
        else:
            refusal = RefusedInput("MISSING_FILE", "no such file", "an image", "nothing", "correct path or image_root")
            failures.append(failure(item["image"], refusal))
    if external:
        logger.warning("%s: %d rows of the split 'external' left out", path, external)
    with_split = sum("split" in item for item in items)
    if with_split not in (0, len(items)):
        raise ValueError(
            f"{path}: split: expected a value in every row or in none, found {with_split} of {len(items)}; complete it"
        )
    return list(labels) if labels is not None else columns, items, failures


def _choose_labels(header: Sequence[str], labels: Sequence[str] | None, path: Path) -> list[str]:
    """Label columns, checked against the header; a label may be named by an alias of its column."""
    for column in ("image", "patient_id"):
        if column not in header:
            nearest = difflib.get_close_matches(column, header, n=1, cutoff=0.0)
            raise ValueError(
                f"{path}: no column {column!r}; expected it in the header, found {shortened(', '.join(header), 200)}; "
                f"add it or use {quoted(nearest[0] if nearest else 'a file with a header')}"
            )
    columns = [name for name in header if name not in (*_COLUMNS, "bbox")]
    return columns if labels is None else [columns[index] for index in match_labels(labels, columns, str(path))]


def _parse_row(row: dict[str, str | None], labels: Sequence[str], where: str) -> dict[str, Any]:
    """Item of a CSV row; columns without a value are left out."""
    values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    for column in ("image", "patient_id"):
        if not values[column]:
            raise ValueError(f"{where}: {column}: expected a value, found none; the split is by patient, so add it")
    label = []
    for name in labels:
        if values[name] not in LABEL_VALUES:
            raise ValueError(
                f"{where}: {name}: expected 1, 0, -1 or blank, found {quoted(values[name])}; choose the label columns"
            )
        label.append(LABEL_VALUES[values[name]])
    item: dict[str, Any] = {"image": values["image"], "label": label, "patient_id": values["patient_id"]}
    item |= {key: values[key] for key in ("study_uid", "view", "sex") if values.get(key)}
    try:
        if values.get("age"):
            item["age"] = float(values["age"])
        boxes = values.get("boxes") or values.get("bbox")
        if boxes:
            item["boxes"] = [
                {"label": str(box["label"]), "xywh": [float(value) for value in box["xywh"]]}
                for box in json.loads(boxes)
            ]
        if values.get("split"):
            item["split"] = _SPLIT_NAMES[values["split"].lower()]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{where}: expected age in years, boxes as [{{"label": …, "xywh": [x, y, w, h]}}] and split one of '
            f"{', '.join(_SPLIT_NAMES)}, found {type(error).__name__} {shortened(str(error))}; correct the row"
        ) from error
    return item


def read_folder_items(folder: Path) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Items of every radiograph below a folder, from headers only, and the files that are none.

    Identifiers are hashed. Without a DICOM header the first folder below ``folder``, or the name of the file, stands
    for the patient. Hidden files, tables, texts and DICOMDIR are passed over. All frontal films of a study are kept.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; expected a folder of studies, found nothing; check the path"
        )
    items: list[dict[str, Any]] = []
    failures, seen = [], dict[str, str]()
    for path in find_candidates(folder):
        try:
            item = _header_item(path, folder)
            first = seen.setdefault(f"{item.get('sop_uid', path)} {item['patient_id']}", str(path))
            if first != str(path):
                raise RefusedInput(
                    "DUPLICATE", "the same SOP instance", "each once", f"it also in {first}", "remove one", str(path)
                )
            items.append(item)
        except RefusedInput as refusal:
            failures.append(failure(str(path), refusal))
    return items, failures


def _header_item(path: Path, folder: Path) -> dict[str, Any]:
    """Item of one file, without label.

    Raises:
        RefusedInput: not an image, or its header says that it is no frontal chest film.
    """
    meta, identifiers = read_header(path)
    require_chest_film(meta, path)
    below = path.relative_to(folder)
    owner = below.parts[0] if len(below.parts) > 1 else below.stem
    known = identifiers.get("patient_id") or identifiers.get("study_uid") or identifiers.get("sop_uid")
    item: dict[str, Any] = {"image": str(path.absolute()), "label": [], "patient_id": known or hash_identifier(owner)}
    item |= {key: identifiers[key] for key in ("study_uid", "sop_uid") if key in identifiers}
    return item | ({"view": meta["view"]} if meta["view"] else {})


def failure(image: str, refusal: RefusedInput) -> Failure:
    """Row of ``failures.csv``."""
    return Failure(
        image, refusal.code, f"{refusal.what}; expected {refusal.expected}, found {refusal.found}", refusal.remedy
    )
