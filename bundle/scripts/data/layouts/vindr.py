"""VinDr-CXR from PhysioNet (``annotations/``, ``train/``, ``test/``) or from the VinBigData challenge (``train.csv``).

Three radiologists read each training image. A finding is 1 if most of them marked it, 0 if none did, and -1 (uncertain)
if a minority did. The labels of PhysioNet's test set are a consensus; the challenge's test set has no labels and is not
read. The boxes of all readers are kept, converted from corners to x, y, width, height. All films are PA. Patients are
not identified, so each image counts as a patient, and two films of a patient may be in two splits.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..attributes import is_blank
from ..label_aliases import canonical
from ..tables import Row, read_rows
from .label_tables import Films, Reading, find_files, find_table

_BOX_COLUMNS = ["image_id", "rad_id", "class_name", "x_min", "y_min", "x_max", "y_max"]
Votes = dict[str, dict[str, list[float]]]


def read(root: Path) -> Reading:
    """Read the films that have labels."""
    if (root / "annotations").is_dir():
        return _read_physionet(root)
    table = find_table(root, "train.csv")
    rows = list(read_rows(table, _BOX_COLUMNS))
    labels = sorted({canonical(row["class_name"]) for row in rows}, key=lambda name: (name != "No Finding", name))
    return _collect(root, labels, {None: (_count_marks(rows, labels), _boxes_of(rows))})


def _read_physionet(root: Path) -> Reading:
    """Read the films of both official splits of PhysioNet."""
    parts: dict[str | None, tuple[Votes, dict[str, list[dict[str, Any]]]]] = {}
    labels: list[str] = []
    for split, name in (("training", "train"), ("test", "test")):
        votes, found = _read_votes(find_table(root / "annotations", f"image_labels_{name}.csv"))
        labels = labels or found
        if set(found) != set(labels):
            raise ValueError(
                f"{root}: image_labels_test.csv: expected the findings {labels}, found {found}; "
                "compare with the published tables"
            )
        # The consensus has no reader.
        columns = [column for column in _BOX_COLUMNS if column != "rad_id" or name == "train"]
        rows = list(read_rows(find_table(root / "annotations", f"annotations_{name}.csv"), columns))
        parts[split] = votes, _boxes_of(rows)
    return _collect(root, labels, parts)


def _read_votes(table: Path) -> tuple[Votes, list[str]]:
    """Read the votes of the radiologists for each image and finding, and the names of the findings."""
    votes: Votes = defaultdict(lambda: defaultdict(list))
    labels: list[str] = []
    for row in read_rows(table, ["image_id"]):
        columns = [name for name in row.values if name not in ("image_id", "rad_id")]
        labels = labels or [canonical(name) for name in columns]
        for column, value in zip(columns, row.labels(columns), strict=True):
            votes[row["image_id"]][canonical(column)].append(value)
    return votes, labels


def _count_marks(rows: list[Row], labels: list[str]) -> Votes:
    """Votes from marks: a radiologist who read an image and did not mark a finding voted 0."""
    readers, marked = defaultdict(set), set()
    for row in rows:
        readers[row["image_id"]].add(row["rad_id"])
        marked.add((row["image_id"], canonical(row["class_name"]), row["rad_id"]))
    return {
        image: {label: [float((image, label, reader) in marked) for reader in who] for label in labels}
        for image, who in readers.items()
    }


def _boxes_of(rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """Boxes of each image; a row without corners has none."""
    boxes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if not is_blank(row["x_min"]):
            x, y, right, bottom = (row.number(column) for column in ("x_min", "y_min", "x_max", "y_max"))
            if right <= x or bottom <= y:
                raise row.wrong("x_max" if right <= x else "y_max", f"more than {x if right <= x else y}")
            boxes[row["image_id"]].append(
                {"label": canonical(row["class_name"]), "xywh": [x, y, right - x, bottom - y]}
            )
    return boxes


def _collect(root: Path, labels: list[str], parts: dict) -> Reading:
    """Collect the films of each split."""
    films, find = Films(), find_files(root, (".dicom", ".dcm"))
    for split, (votes, boxes) in parts.items():
        for name, findings in votes.items():
            films.add(f"{root}: image_id {name}", find(f"{name}.dicom"), {
                "label": [_majority(findings[label]) for label in labels],
                "patient_id": name,
                "view": "PA",
                "boxes": boxes.get(name),
                "split": split,
            })  # fmt: skip
    return films.reading(labels)


def _majority(votes: list[float]) -> float:
    """Label from the votes for one finding: 1.0, 0.0 or -1.0; NaN without votes."""
    given = [vote for vote in votes if not math.isnan(vote)]
    if not given:
        return math.nan
    share = sum(given) / len(given)
    return 0.0 if share == 0 else 1.0 if share > 0.5 else -1.0
