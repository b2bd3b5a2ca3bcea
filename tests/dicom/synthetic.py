"""Small DICOM radiographs whose displayed image is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

SHARED_DICOM = Path(__file__).parents[2] / "../shared/data/dicom"
HEIGHT, WIDTH = 96, 64


def picture() -> np.ndarray:
    """Asymmetric display image (96, 64) with 12-bit levels in [0, 4095]."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    image = 40 * rows + 4 * columns
    image[5:15, 3:8] = 4095
    image[80:90, 50:60] = 0
    return np.clip(image, 0, 4095).astype(np.uint16)


def make_dataset(pixels: np.ndarray, **attributes: Any) -> Dataset:
    """DX chest PA of unsigned 12-bit MONOCHROME2 ``pixels``, no window; attributes override, ``None`` removes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["sop"])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Secret^Person", "ID-12345", "19500101"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.add_new("PixelData", "OW" if dataset.get("BitsAllocated") != 8 else "OB", pixels.tobytes())
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    """Write a data set with preamble and meta group."""
    dataset.save_as(path, enforce_file_format=True)
    return path


def window(**attributes: Any) -> dict[str, Any]:
    """Attributes of a window over the whole 12-bit range."""
    return {"WindowCenter": 2048, "WindowWidth": 4096, **attributes}


def lut_item(entries: np.ndarray, bits: int, first: int = 0, packed: bool = False, vr: str = "OW") -> Dataset:
    """Item of a VOI or Modality LUT Sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    if vr == "US":
        item.add_new("LUTData", "US", [int(entry) for entry in entries])
    else:
        item.add_new("LUTData", "OW", entries.astype(np.uint8 if packed else "<u2").tobytes())
    return item
