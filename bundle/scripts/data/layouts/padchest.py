"""PadChest: ``PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv`` and PNGs in numbered folders (``ImageDir``).

The labels are a Python-like list of some 170 terms in lower case, of which ``TERMS`` are read; a finding without any of
its terms is 0. A row without a list has no labels and is left out, as are laterals and the images of the term
"exclude". There is no official split. The age is the year of the study less that of birth.
"""

from __future__ import annotations

import ast
from pathlib import Path

from .label_tables import Films, Reading, Row, age_of, find_files, find_table, read_rows, sex_of

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
# Of the report or the exposure, not of the patient.
_SAY_NOTHING = {"", "unchanged", "suboptimal study"}
_COLUMNS = ["ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth", "PatientSex_DICOM",
           "Projection", "Labels"]  # fmt: skip


def read(root: Path) -> Reading:
    """Frontal films that have labels."""
    films, place = Films(), find_files(root, (".png",))
    table = find_table(root, "PADCHEST_chest_x_ray_images_labels_160K*.csv")
    for row in read_rows(table, _COLUMNS):
        listed = root / row["ImageDir"] / row["ImageID"]
        image = listed if listed.is_file() else place(row["ImageID"])
        if not films.is_frontal(image, row["Projection"]):
            continue
        terms = _terms_of(row)
        if not terms:
            films.no_labels(image, table.name)
        elif "exclude" in terms:
            films.leave_out(image, "EXCLUDED", "excluded by the data set", "another term", "exclude", "nothing")
        else:
            films.add(image, {
                "label": [float(bool(terms & wanted)) for wanted in _TERMS.values()],
                "patient_id": row["PatientID"],
                "study_uid": row["StudyID"],
                "view": "AP" if row["Projection"].startswith("AP") else "PA",
                "sex": sex_of(row["PatientSex_DICOM"]),
                "age": _age(row),
            })  # fmt: skip
    return list(_TERMS), films.items, films.failures


def _terms_of(row: Row) -> set[str]:
    """Terms of a row that say what is seen; some have blanks around them."""
    if row["Labels"].lower() in ("", "nan", "none"):
        return set()
    try:
        terms = ast.literal_eval(row["Labels"])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        terms = None
    if not isinstance(terms, list):
        raise row.wrong("Labels", "a list of terms in quotes")
    return {str(term).strip().lower() for term in terms} - _SAY_NOTHING


def _age(row: Row) -> float | None:
    """Years between birth and study."""
    try:
        return age_of(str(int(row["StudyDate_DICOM"][:4]) - int(float(row["PatientBirth"]))))
    except ValueError:
        return None
