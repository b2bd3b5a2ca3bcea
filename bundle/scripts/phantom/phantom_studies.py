"""Writes synthetic patients as DICOM studies (DX For Presentation, 12 bit, PA), with labels, boxes and truth masks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from ..common.atomic import atomic_write
from ..common.csv_text import csv_text
from ..dicom.objects.codes import code_item
from .findings import FINE_GRADES, GRADES, PHANTOM_LABELS
from .projection import Phantom, make_phantom

_FIELD_OF_VIEW_MM = 350.0
_NOTE = "SYNTHETIC PHANTOM - NOT A PATIENT"
_STUDIES_PER_PATIENT = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3)
_PREVALENCE = 0.27


@dataclass(frozen=True)
class Study:
    """Plan of a study."""

    patient: int
    number: int
    sex: str
    age: int
    findings: dict[str, str]

    @property
    def name(self) -> str:
        """Folder of the study."""
        return f"patient{self.patient:04}/study{self.number:02}"


def write_phantom_studies(
    out_dir: str | Path,
    *,
    n_patients: int,
    seed: int = 0,
    size: int = 1024,
    fine_detail_fraction: float = 0.3,
    num_workers: int = 2,
) -> Path:
    """Write ``patientNNNN/studyNN/image.dcm``, ``truth/*.npz`` (masks), ``labels.csv`` and ``README.txt``.

    Args:
        out_dir: folder to write to.
        n_patients: number of patients; some have two or three studies.
        seed: random seed; equal seeds give equal files.
        size: side of the films in pixels.
        fine_detail_fraction: fraction of Lung Opacity and Edema that is drawn as fine detail only.
        num_workers: number of drawing threads.

    Returns:
        Path of ``labels.csv``.
    """
    out_dir = Path(out_dir)
    studies = list(_plan(n_patients, seed, fine_detail_fraction))
    with ThreadPoolExecutor(num_workers) as pool:
        rows = list(pool.map(lambda study: _write_study(out_dir, study, seed, size), studies))
    with atomic_write(out_dir / "README.txt") as file:
        file.write(f"{_NOTE}. Drawn by a program; no radiograph was used. Seed {seed}.\n".encode())
    with atomic_write(out_dir / "labels.csv") as file:
        file.write(csv_text(list(rows[0]), [list(row.values()) for row in rows]).encode())
    return out_dir / "labels.csv"


def _plan(n_patients: int, seed: int, fine_detail_fraction: float) -> Iterator[Study]:
    """Draw the patients, their studies and the findings."""
    for patient in range(1, n_patients + 1):
        rng = np.random.default_rng([seed, patient, 99])
        sex, age = str(rng.choice(["F", "M"])), int(rng.integers(25, 90))
        for number in range(1, int(rng.choice(_STUDIES_PER_PATIENT)) + 1):
            # A factor common to all findings of a study makes them occur together, as in real patients.
            sickness = float(rng.normal(0, 0.08))
            present = [label for label in PHANTOM_LABELS if rng.random() < _PREVALENCE + sickness]
            grades = {label: _draw_grade(label, fine_detail_fraction, rng) for label in present}
            yield Study(patient, number, sex, age, grades)


def _draw_grade(label: str, fine_detail_fraction: float, rng: np.random.Generator) -> str:
    """Draw the grade of a finding: the fine grade, if it has one, with the given probability."""
    fine = FINE_GRADES.get(label)
    if fine is not None and rng.random() < fine_detail_fraction:
        return fine
    return str(rng.choice([grade for grade in GRADES[label] if grade != fine]))


def _write_study(out_dir: Path, study: Study, seed: int, size: int) -> dict[str, str | int]:
    """Write one study; return its row of the table."""
    phantom = make_phantom(seed, study.patient, study.number, study.findings, size)
    path = out_dir / study.name / "image.dcm"
    with atomic_write(path) as file:
        _dicom_of(phantom, study, seed).save_as(file, enforce_file_format=True)
    masks = {label.replace(" ", "_"): np.packbits(mask) for label, mask in phantom.masks.items()}
    with atomic_write(out_dir / "truth" / f"{study.name.replace('/', '_')}.npz") as file:
        np.savez_compressed(file, shape=np.array(phantom.image.shape), **masks)  # type: ignore[arg-type]
    return {
        "image": f"{study.name}/image.dcm",
        "patient_id": f"SYN{study.patient:04}",
        "study_uid": _uid("study", seed, study),
        "view": "PA",
        "sex": study.sex,
        "age": study.age,
        "boxes": json.dumps(phantom.boxes),
        **{label: int(label in study.findings) for label in PHANTOM_LABELS},
    }


def _uid(kind: str, seed: int, study: Study) -> UID:
    """Deterministic DICOM UID."""
    return generate_uid(entropy_srcs=["cxr-attention-sr phantom", kind, str(seed), study.name])


def _dicom_of(phantom: Phantom, study: Study, seed: int) -> FileDataset:
    """DICOM object of a phantom: Digital X-Ray Image Storage - For Presentation (PS3.3 A.26)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = _uid("image", seed, study)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = f"SYNTHETIC^PHANTOM{study.patient:04}", f"SYN-{study.patient:04}"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "", study.sex, f"{study.age:03}Y"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid("study", seed, study), _uid("series", seed, study)
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = str(study.number), "", ""
    dataset.StudyDate, dataset.StudyTime = "20000101", "000000"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.StudyDescription = dataset.SeriesDescription = _NOTE
    dataset.ImageComments = dataset.DerivationDescription = _NOTE
    dataset.Manufacturer, dataset.Modality = "cxr-attention-sr", "DX"
    dataset.PresentationIntentType, dataset.ImageType = "FOR PRESENTATION", ["DERIVED", "PRIMARY"]
    dataset.BodyPartExamined, dataset.ViewPosition, dataset.ImageLaterality = "CHEST", "PA", "U"
    dataset.AnatomicRegionSequence = [code_item(codes.SCT.Chest)]
    dataset.ViewCodeSequence = [code_item(codes.SCT.PosteroAnterior)]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []
    dataset.PatientOrientation = ["L", "F"]
    # Type 2 attributes: required, but empty, because there was no exposure.
    dataset.DetectorType, dataset.PositionerType, dataset.AcquisitionContextSequence = None, None, []
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"
    dataset.Rows, dataset.Columns = phantom.image.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.ImagerPixelSpacing = [round(_FIELD_OF_VIEW_MM / side, 6) for side in phantom.image.shape]
    dataset.PixelData = phantom.image.astype("<u2").tobytes()
    return dataset
