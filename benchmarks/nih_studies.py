"""Write a folder of radiograph files with a labels table as DICOM studies in this project's CSV layout.

    python benchmarks/nih_studies.py ../shared/data/cxr outputs/nih

Reads ``labels.csv`` (columns image, patient_id, source, split, view, sex, age, findings, bbox) and writes one DX
For Presentation file per NIH row: 8 bit, MONOCHROME2, the native 1024 × 1024 pixels where ``hr_image`` has them.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.dicom.objects.codes import code_item  # noqa: E402

LABELS = (
    "No Finding,Atelectasis,Cardiomegaly,Consolidation,Edema,Pleural Effusion,Emphysema,Fibrosis,"
    "Infiltration,Mass,Nodule,Pleural Thickening,Pneumonia,Pneumothorax"
).split(",")
SPACING_MM = 0.143 * 1024  # NIH ChestX-ray14 publishes 0.143 mm for most 1024-pixel-wide images


def dicom_of(pixels: np.ndarray, row: dict[str, str]) -> FileDataset:
    """(H, W) uint8 -> DX object; conformant but for PatientOrientation (type 1C), which the data set does not state."""
    name = row["image"]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["sop", name])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.PatientName = row["patient_id"], f"{row['patient_id']}^"
    dataset.PatientSex, dataset.PatientBirthDate = row["sex"], ""
    # Required, and empty because the data set does not say (type 2).
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "", "", ""
    dataset.AccessionNumber, dataset.ReferringPhysicianName, dataset.Manufacturer = "", "", ""
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.PatientOrientation = None, 1, ""
    dataset.DetectorType, dataset.PositionerType, dataset.AcquisitionContextSequence = None, None, []
    dataset.AnatomicRegionSequence, dataset.ImageLaterality = [code_item(codes.SCT.Chest)], "U"
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", name])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", name])
    dataset.Modality, dataset.PresentationIntentType = "DX", "FOR PRESENTATION"
    dataset.BodyPartExamined, dataset.ViewPosition = "CHEST", row["view"]
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.LossyImageCompression = "01"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "US"
    dataset.BurnedInAnnotation = "NO"
    dataset.WindowCenter, dataset.WindowWidth = 128, 256
    dataset.ImagerPixelSpacing = [round(SPACING_MM / pixels.shape[1], 6)] * 2
    dataset.PixelData = pixels.tobytes()
    return dataset


def write_study(row: dict[str, str], source: Path, out: Path) -> dict[str, str]:
    """Write the DICOM file of a row; its row of the new table."""
    pixels = np.array(Image.open(source / (row["hr_image"] or row["image"])).convert("L"))
    path = out / "studies" / row["patient_id"] / f"{Path(row['image']).stem}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    dicom_of(pixels, row).save_as(path, enforce_file_format=True)
    factor = pixels.shape[1] / float(row["w"])  # boxes are in the coordinates of the smaller copy
    boxes = [
        {"label": box["label"], "xywh": [round(value * factor, 1) for value in box["xywh"]]}
        for box in json.loads(row["bbox"] or "[]")
    ]
    return {
        "image": str(path.relative_to(out)),
        **{name: row[name] for name in ("patient_id", "view", "sex", "age", "split")},
        "boxes": json.dumps(boxes),
        **{label: row[label] for label in LABELS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with (arguments.source / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "nih_chestxray14"]
    table = [write_study(row, arguments.source, arguments.out) for row in rows]
    with (arguments.out / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    print(f"{len(table)} studies in {arguments.out}")


if __name__ == "__main__":
    main()
