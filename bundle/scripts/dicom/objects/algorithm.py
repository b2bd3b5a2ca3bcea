"""Attributes that all objects share: equipment, series and identifiers; and how objects are saved.

A UID is a function of the source's header, the written content, the software and the weights. A second run therefore
gives the same UIDs, and no UID ever stands for two contents.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from ...common.atomic import atomic_write
from ..header import number
from .codes import code_item
from .source import Source

MANUFACTURER = "cxr-attention-sr"
OBJECT_KINDS = ("enhanced", "attention", "regions", "findings", "attention_map")
# Attributes with the time of creation; highdicom adds itself, with the time, as contributing equipment.
_CREATION_TIMES = (
    "InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime",
    "DateOfSecondaryCapture", "TimeOfSecondaryCapture", "ContributingEquipmentSequence",
)  # fmt: skip


@dataclass(frozen=True)
class Algorithm:
    """Software and weights that computed a result.

    Attributes:
        version: version of this software.
        weights_sha256: SHA-256 of the classifier's weights.
        name: name of this software.
    """

    version: str
    weights_sha256: str
    name: str = MANUFACTURER

    @property
    def software(self) -> str:
        """Name and version of the software."""
        return f"{self.name} {self.version}"

    @property
    def serial(self) -> str:
        """First 16 digits of the weights' hash, which distinguish two installations of the same version."""
        return self.weights_sha256[:16]


def series_uid(source: Source, kind: str, maker: str) -> UID:
    """Return the SeriesInstanceUID; there is one series per source series, kind of object and maker.

    Args:
        source: source image of the object.
        kind: ``enhanced``, ``attention``, ``attention_map``, ``regions`` or ``findings``.
        maker: software, version and weights.
    """
    study, series = (str(source.dataset.get(keyword, "")) for keyword in ("StudyInstanceUID", "SeriesInstanceUID"))
    return generate_uid(entropy_srcs=[MANUFACTURER, "series", kind, study, series, maker])


def instance_uid(source: Source, kind: str, maker: str, content: str) -> UID:
    """Return the SOPInstanceUID of an object with this ``content`` (a text or a hash)."""
    uid = str(source.dataset.get("SOPInstanceUID", ""))
    return generate_uid(entropy_srcs=[MANUFACTURER, "instance", kind, uid, source.digest(), maker, content])


def series_number(source: Source, kind: str) -> int:
    """Return a SeriesNumber far above those of modalities, different for each kind of object."""
    own = max(0, int(number(source.dataset.get("SeriesNumber")) or 0)) % 1_000_000
    return 9000 + 10 * own + OBJECT_KINDS.index(kind)


def _instance_number(source: Source) -> int:
    """Return the InstanceNumber of the source, 1 when it has none."""
    return max(1, int(number(source.dataset.get("InstanceNumber")) or 1))


def made_by(source: Source, kind: str, algorithm: Algorithm) -> dict[str, Any]:
    """Return the series and equipment arguments of highdicom's constructors.

    Args:
        source: source image of the object.
        kind: ``attention``, ``attention_map``, ``regions`` or ``findings``.
        algorithm: software and weights that computed the result.
    """
    return {
        "series_instance_uid": series_uid(source, kind, f"{algorithm}"),
        "series_number": series_number(source, kind),
        "instance_number": _instance_number(source),
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": algorithm.name,
        "software_versions": algorithm.version,
        "device_serial_number": algorithm.serial,
    }


def source_reference(source: Source) -> Dataset:
    """Return the item of SourceImageSequence (0008,2112; PS3.3 C.7.6.1.1.4) that refers to a source image."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = str(source.dataset.get("SOPClassUID", ""))
    reference.ReferencedSOPInstanceUID = str(source.dataset.get("SOPInstanceUID", ""))
    reference.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.SourceImageForImageProcessingOperation)]
    return reference


def save_again(dataset: Dataset, destination: Path) -> None:
    """Save an object of highdicom; where it was written before, it keeps its first time of creation."""
    _keep_creation_times(dataset, destination)
    save(dataset, destination)


def _keep_creation_times(dataset: Dataset, destination: Path) -> None:
    """Copy the times of creation from the file that is replaced, so that equal UIDs mean equal bytes."""
    try:
        earlier = pydicom.dcmread(destination, stop_before_pixels=True)
    except Exception:  # the file does not exist or is not a complete object, so there is no time to keep
        return
    if earlier.get("SOPInstanceUID") == dataset.SOPInstanceUID:
        for keyword in _CREATION_TIMES:
            if keyword in dataset and keyword in earlier:
                dataset[keyword] = earlier[keyword]


def save(dataset: Dataset, destination: Path) -> None:
    """Write Explicit VR Little Endian atomically, with an empty preamble because one can hide an executable."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.preamble = b"\0" * 128
    with atomic_write(destination) as file:
        pydicom.dcmwrite(file, dataset, enforce_file_format=True)
