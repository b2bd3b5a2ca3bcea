"""CheXpert v1.0 and v1.0-small: ``train.csv``, ``valid.csv``, and ``test.csv`` or ``test_labels.csv`` where released.

A blank is "not mentioned in the report" and becomes null, not 0; -1 is uncertain and stays. The paths in the tables
start with the name of the data set, which is left out: ``root`` is that folder, whatever its name.

Splits: ``test`` is the official test set where its table is there, and then ``valid.csv`` is the validation set. Most
copies have no test table: then ``valid.csv`` (200 patients read by radiologists) is the test set, as in most of the
literature, and the validation set is carved from the training patients.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from .label_tables import Films, Reading, Row, age_of, find_table, read_rows, sex_of

LABELS = [
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture",
    "Support Devices",
]  # fmt: skip
_PLACE = re.compile(r"(?P<patient>patient\d+)/(?P<study>study\d+)/view\d+_(?P<view>frontal|lateral)\.\w+$")


def read(root: Path) -> Reading:
    """Frontal films of train, valid and, where it was released, test."""
    tables = {"training": find_table(root, "train.csv"), "validation": find_table(root, "valid.csv", "val_labels.csv")}
    test = [path for name in ("test.csv", "test_labels.csv") for path in root.glob(name)]
    if test:
        tables["test"] = test[0]
    else:
        tables["test"] = tables.pop("validation")
    films = Films()
    for split, table in tables.items():
        # Released test tables may lack columns; what they lack is null.
        labels = LABELS if split == "training" else [name for name in LABELS if name in _header(table)]
        for row in read_rows(table, ["Path", *labels]):
            _add(films, root, row, split)
    return LABELS, films.items, films.failures


def _header(table: Path) -> list[str]:
    """Columns of a table."""
    first = next(read_rows(table, ["Path"]), None)
    return list(first.values) if first else []


def _add(films: Films, root: Path, row: Row, split: str) -> None:
    """Film of a row."""
    path = PurePosixPath(row["Path"])
    place = _PLACE.search(row["Path"])
    if place is None:
        raise row.wrong("Path", "…/patient00001/study1/view1_frontal.jpg")
    parts = path.parts[1:] if path.parts[0].lower().startswith("chexpert") else path.parts
    image = root.joinpath(*parts)
    view = "lateral" if place["view"] == "lateral" else row.values.get("AP/PA") or "AP or PA"
    if not films.is_frontal(image, view):
        return
    known = [name for name in LABELS if name in row.values]
    values = dict(zip(known, row.labels(known), strict=True))
    films.add(image, {
        "label": [values.get(name, float("nan")) for name in LABELS],
        "patient_id": place["patient"],
        "study_uid": f"{place['patient']}/{place['study']}",
        "view": view if view in ("AP", "PA") else None,
        "sex": sex_of(row.values.get("Sex", "")),
        "age": age_of(row.values.get("Age", "")),
        "split": split,
    })  # fmt: skip
