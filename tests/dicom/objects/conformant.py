"""Conformant DX and CR sources, one that lacks all it can, and the validator."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage
from scripts.dicom.objects import Algorithm
from scripts.phantom.phantom_studies import Study, _dicom_of
from scripts.phantom.projection import make_phantom

from ..synthetic import make_dataset, picture, save, window

ALGORITHM = Algorithm("0.1.0", "0123456789abcdef" * 4)
needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (Debian: dicom3tools)"
)


def dx() -> Dataset:
    """Phantom DX, 64 × 64, with oblong pixels as if the detector had them."""
    study = Study(1, 1, "F", 50, {})
    dataset = _dicom_of(make_phantom(0, 1, 1, {}, 64), study, 0)
    dataset.ImagerPixelSpacing = [0.4, 0.2]
    return dataset


def cr() -> Dataset:
    """Computed radiograph that dciodvfy has nothing against."""
    dataset = make_dataset(
        picture(), SOPClassUID=ComputedRadiographyImageStorage, Modality="CR", PresentationIntentType=None,
        ImagerPixelSpacing=None, StudyDate="20200102", StudyTime="030405", StudyID="7", AccessionNumber="A7",
        ReferringPhysicianName="", PatientSex="F", SeriesNumber=2, InstanceNumber=3, Manufacturer="",
        RescaleSlope=1, RescaleIntercept=0, RescaleType="US", ImageType=["ORIGINAL", "PRIMARY"], **window(),
    )  # fmt: skip
    dataset.PixelSpacing = [0.2, 0.2]
    return dataset


def bare() -> Dataset:
    """Computed radiograph with what decoding needs and the four UIDs; nothing else."""
    full = make_dataset(picture(), SOPClassUID=ComputedRadiographyImageStorage, **window())
    kept = Dataset()
    kept.file_meta = full.file_meta
    for element in full:
        if element.tag.group in (0x0028, 0x7FE0) or element.keyword.endswith("UID") or element.keyword == "Modality":
            kept.add(element)
    kept.Modality = "CR"
    return kept


SOURCES = {"dx": dx, "cr": cr, "bare": bare}


@pytest.fixture(params=list(SOURCES))
def source_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each of the sources as a file."""
    return save(SOURCES[request.param](), tmp_path / f"{request.param}.dcm")


def errors(path: Path) -> list[str]:
    """What dciodvfy calls an error, and that it recognised the object at all."""
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith("Error")] + ([] if lines else ["Error - no output"])


def attention_at(shape: tuple[int, int], row: int, column: int) -> np.ndarray:
    """Attention (H, W) that is highest at one pixel."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 50.0)
