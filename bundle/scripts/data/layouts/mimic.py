"""MIMIC-CXR (DICOM) and MIMIC-CXR-JPG: ``mimic-cxr-2.0.0-{chexpert,metadata,split}.csv[.gz]`` and ``files/``.

The tables are part of MIMIC-CXR-JPG; to read the DICOM data set, copy them to the folder that contains its ``files/``.
Without the table of CheXpert's labels, that of NegBio's labels is read. Labels belong to a study and apply to each of
its frontal films. A blank means "not mentioned in the report" and becomes null; -1 is uncertain. The split is the
official one, by patient.
"""

from __future__ import annotations

from pathlib import Path

from ..attributes import direction_of
from ..tables import Row, read_rows
from .chexpert import LABELS
from .label_tables import Films, Reading, find_image, find_table, put_once

_SPLITS = {"train": "training", "validate": "validation", "test": "test"}


def read(root: Path) -> Reading:
    """Read the frontal films of the studies that have labels."""
    label_table = find_table(root, "mimic-cxr-2.*-chexpert.csv", "mimic-cxr-2.*-negbio.csv")
    studies: dict[tuple[str, str], list[float]] = {}
    for row in read_rows(label_table, ["subject_id", "study_id", *LABELS]):
        put_once(studies, (row["subject_id"], row["study_id"]), row.labels(LABELS), row, "study_id")
    split_table = find_table(root, "mimic-cxr-2.*-split.csv")
    splits: dict[str, str] = {}
    for row in read_rows(split_table, ["dicom_id", "split"]):
        put_once(splits, row["dicom_id"], _split_of(row), row, "split")
    films = Films()
    metadata = find_table(root, "mimic-cxr-2.*-metadata.csv")
    for row in read_rows(metadata, ["dicom_id", "subject_id", "study_id", "ViewPosition"]):
        image = find_image(_path_of(root, row))
        if not films.is_frontal(row.where, image, row["ViewPosition"]):
            continue
        label, split = studies.get((row["subject_id"], row["study_id"])), splits.get(row["dicom_id"])
        if label is None:
            films.no_labels(row.where, image, label_table.name)
        elif split is None:
            films.leave_out(
                row.where, image, "NO_SPLIT", "no split", f"a row in {split_table.name}", "none", "complete the table"
            )
        else:
            films.add(row.where, image, {
                "label": label,
                "patient_id": f"p{row['subject_id']}",
                "study_uid": f"s{row['study_id']}",
                "view": direction_of(row["ViewPosition"]),
                "split": split,
            })  # fmt: skip
    return films.reading(LABELS)


def _split_of(row: Row) -> str:
    """Official split of a film."""
    if row["split"] not in _SPLITS:
        raise row.wrong("split", "train, validate or test")
    return _SPLITS[row["split"]]


def _path_of(root: Path, row: Row) -> Path:
    """Path of a film: ``files/p10/p10000032/s50414267/<dicom_id>.dcm``; MIMIC-CXR-JPG has ``.jpg``."""
    subject = row["subject_id"]
    return root / "files" / f"p{subject[:2]}" / f"p{subject}" / f"s{row['study_id']}" / f"{row['dicom_id']}.dcm"
