"""PadChest: ``PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv`` and PNGs in numbered folders (``ImageDir``).

The labels are a list of terms in Python's notation and in lower case. Of some 170 terms, those of 16 findings are read;
a finding without any of its terms is 0. Left out are rows without a list, lateral films, and images with the term
"exclude". There is no official split. The age is the difference between the years of study and birth.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from ..attributes import direction_of, read_age
from ..tables import Row, read_rows
from .label_tables import Films, Reading, find_files, find_image, find_table

_TERMS = {
    "No Finding": {"normal"},
    "Atelectasis": {
        "atelectasis", "atelectasis basal", "laminar atelectasis", "lobar atelectasis", "round atelectasis",
        "segmental atelectasis", "total atelectasis",
    },
    "Cardiomegaly": {"cardiomegaly"},
    "Consolidation": {"consolidation"},
    "Edema": {"pulmonary edema"},
    "Pleural Effusion": {
        "pleural effusion", "loculated pleural effusion", "loculated fissural effusion", "hydropneumothorax",
    },
    "Emphysema": {"emphysema"},
    "Fibrosis": {"pulmonary fibrosis"},
    "Fracture": {"fracture", "rib fracture", "clavicle fracture", "humeral fracture", "vertebral fracture"},
    "Hernia": {"hiatal hernia"},
    "Infiltration": {"infiltrates"},
    "Mass": {"mass", "pulmonary mass"},
    "Nodule": {"nodule", "multiple nodules"},
    "Pleural Thickening": {"pleural thickening", "apical pleural thickening", "calcified pleural thickening"},
    "Pneumonia": {"pneumonia", "atypical pneumonia"},
    "Pneumothorax": {"pneumothorax", "hydropneumothorax"},
}  # fmt: skip
_NO_FINDINGS = {"", "unchanged", "suboptimal study"}  # terms about the report or the exposure, not about the patient
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d")  # also in 20140512, 2014.05.12, 12.05.2014 and 1950.0
_COLUMNS = ["ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth", "PatientSex_DICOM",
           "Projection", "Labels"]  # fmt: skip


def read(root: Path) -> Reading:
    """Read the frontal films that have labels."""
    films, find = Films(), find_files(root, (".png", ".jpg", ".jpeg"))
    table = find_table(root, "PADCHEST_chest_x_ray_images_labels_160K*.csv")
    for row in read_rows(table, _COLUMNS):
        listed = root / row["ImageDir"] / row["ImageID"]
        image = find_image(listed)
        image = image if os.path.isfile(image.path) else find(row["ImageID"])
        if not films.is_frontal(row.where, image, row["Projection"]):
            continue
        terms = _terms_of(row)
        if not terms:
            films.no_labels(row.where, image, table.name)
        elif "exclude" in terms:
            films.leave_out(
                row.where, image, "EXCLUDED", "excluded by the data set", "another term", "exclude", "nothing"
            )
        else:
            films.add(row.where, image, {
                "label": [float(bool(terms & wanted)) for wanted in _TERMS.values()],
                "patient_id": row["PatientID"],
                "study_uid": row["StudyID"],
                "view": direction_of(row["Projection"]),
                "sex": films.optional(row.sex, "PatientSex_DICOM"),
                "age": films.optional(_age, row),
            })  # fmt: skip
    return films.reading(list(_TERMS))


def _terms_of(row: Row) -> set[str]:
    """Terms of a row that describe findings. Some terms in the table have blanks around them."""
    if row["Labels"].lower() in ("", "nan", "none"):
        return set()
    try:
        terms = ast.literal_eval(row["Labels"])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        terms = None
    if not isinstance(terms, list):
        raise row.wrong("Labels", "a list of terms in quotes")
    return {str(term).strip().lower() for term in terms} - _NO_FINDINGS


def _age(row: Row) -> float | None:
    """Years between birth and study; ``None`` if one of them is not recorded.

    Raises:
        ValueError: the age is not possible.
    """
    study, birth = (_YEAR.search(row[column]) for column in ("StudyDate_DICOM", "PatientBirth"))
    if study is None or birth is None:
        return None
    try:
        return read_age(str(int(study[0]) - int(birth[0])))
    except ValueError as error:
        raise row.wrong("PatientBirth", str(error)) from error
