"""MIMIC-CXR (DICOM) and MIMIC-CXR-JPG: ``mimic-cxr-2.0.0-{chexpert,metadata,split}.csv[.gz]`` and ``files/``.

The tables come with MIMIC-CXR-JPG; put them beside ``files/`` of the DICOM data set to read that one. NegBio's labels
are read where CheXpert's are not there. Labels are of a study, and each of its frontal films has them. A blank is "not
mentioned in the report" and becomes null; -1 is uncertain. The split is the official one, by patient.
"""

from __future__ import annotations

from pathlib import Path

from .chexpert import LABELS
from .label_tables import Films, Reading, Row, find_table, read_rows

_SPLITS = {"train": "training", "validate": "validation", "test": "test"}


def read(root: Path) -> Reading:
    """Frontal films that have a study with labels."""
    label_table = find_table(root, "mimic-cxr-2.*-chexpert.csv", "mimic-cxr-2.*-negbio.csv")
    studies = {
        (row["subject_id"], row["study_id"]): row.labels(LABELS)
        for row in read_rows(label_table, ["subject_id", "study_id", *LABELS])
    }
    split_table = find_table(root, "mimic-cxr-2.*-split.csv")
    splits = {row["dicom_id"]: _split_of(row) for row in read_rows(split_table, ["dicom_id", "split"])}
    films = Films()
    metadata = find_table(root, "mimic-cxr-2.*-metadata.csv")
    for row in read_rows(metadata, ["dicom_id", "subject_id", "study_id", "ViewPosition"]):
        image = _find_image(root, row)
        if not films.is_frontal(image, row["ViewPosition"]):
            continue
        label, split = studies.get((row["subject_id"], row["study_id"])), splits.get(row["dicom_id"])
        if label is None:
            films.no_labels(image, label_table.name)
        elif split is None:
            films.leave_out(image, "NO_SPLIT", "no split", f"a row in {split_table.name}", "none", "complete the table")
        else:
            films.add(image, {
                "label": label,
                "patient_id": f"p{row['subject_id']}",
                "study_uid": f"s{row['study_id']}",
                "view": row["ViewPosition"],
                "split": split,
            })  # fmt: skip
    return LABELS, films.items, films.failures


def _split_of(row: Row) -> str:
    """Official split of a film."""
    if row["split"] not in _SPLITS:
        raise row.wrong("split", "train, validate or test")
    return _SPLITS[row["split"]]


def _find_image(root: Path, row: Row) -> Path:
    """``files/p10/p10000032/s50414267/<dicom_id>.jpg``, or ``.dcm`` when that is what is there."""
    subject = row["subject_id"]
    folder = root / "files" / f"p{subject[:2]}" / f"p{subject}" / f"s{row['study_id']}"
    dicom = folder / f"{row['dicom_id']}.dcm"
    return dicom if dicom.is_file() else dicom.with_suffix(".jpg")
