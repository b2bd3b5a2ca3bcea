"""CheXpert v1.0 and v1.0-small: ``train.csv``, ``valid.csv``, and ``test.csv`` or ``test_labels.csv`` where released.

A blank means "not mentioned in the report" and becomes null, not 0; -1 (uncertain) is kept. The paths in the tables
start with the name of the data set. This part is left out, because ``root`` is that folder, whatever its name.

If the table of the official test set exists, its films are the split ``test`` and ``valid.csv`` is the validation
split. Most copies have no such table. Then ``valid.csv`` (200 patients, labelled by radiologists) is the test split, as
in most of the literature, and the validation split is taken from the training patients.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ..attributes import direction_of
from ..tables import Row, read_columns, read_rows
from .label_tables import Films, Reading, find_image, find_table

LABELS = [
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture",
    "Support Devices",
]  # fmt: skip
_PLACE = re.compile(r"(?P<patient>patient\d+)/(?P<study>study\d+)/view\d+_(?P<view>frontal|lateral)\.\w+$")


def read(root: Path) -> Reading:
    """Read the frontal films of the training, validation and, if released, test tables."""
    tables = {"training": find_table(root, "train.csv"), "validation": find_table(root, "valid.csv", "val_labels.csv")}
    test = [path for name in ("test.csv", "test_labels.csv") for path in root.glob(name)]
    if test:
        tables["test"] = test[0]
    else:
        tables["test"] = tables.pop("validation")
    films = Films()
    for split, table in tables.items():
        # Released test tables may lack columns, whose labels are then null.
        columns = read_columns(table, ["Path"])
        labels = LABELS if split == "training" else [name for name in LABELS if name in columns]
        for row in read_rows(table, ["Path", *labels]):
            _add(films, root, row, split)
    return films.reading(LABELS)


def _add(films: Films, root: Path, row: Row, split: str) -> None:
    """Add the film of a row."""
    path = PurePosixPath(row["Path"])
    place = _PLACE.search(row["Path"])
    if place is None:
        raise row.wrong("Path", "…/patient00001/study1/view1_frontal.jpg")
    parts = path.parts[1:] if path.parts[0].lower().startswith("chexpert") else path.parts
    image = find_image(root.joinpath(*parts))
    view = "lateral" if place["view"] == "lateral" else row["AP/PA"] or "frontal"
    if not films.is_frontal(row.where, image, view):
        return
    films.add(row.where, image, {
        "label": row.labels(LABELS),
        "patient_id": place["patient"],
        "study_uid": f"{place['patient']}/{place['study']}",
        "view": direction_of(view),
        "sex": films.optional(row.sex, "Sex"),
        "age": films.optional(row.age, "Age"),
        "split": split,
    })  # fmt: skip
