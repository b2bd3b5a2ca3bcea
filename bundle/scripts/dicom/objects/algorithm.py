"""Who made an object, its identifiers, and how it is saved.

UIDs are functions of the source's header, of what is written and of what wrote it: running again gives the same ones,
and no UID ever names two contents.
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
_KINDS = ("enhanced", "attention", "regions", "findings")
# Attributes that hold the time of creation; highdicom enters itself, with the time, as contributing equipment.
_CREATION_TIMES = (
    "InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime",
    "DateOfSecondaryCapture", "TimeOfSecondaryCapture", "ContributingEquipmentSequence",
)  # fmt: skip


@dataclass(frozen=True)
class Algorithm:
    """What computed the result.

    Attributes:
        version: of this software.
        weights_sha256: of the classifier.
        name: of this software.
    """

    version: str
    weights_sha256: str
    name: str = MANUFACTURER

    @property
    def software(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    @property
    def serial(self) -> str:
        """First 16 digits of the weights' hash: what distinguishes two installations of the same version."""
        return self.weights_sha256[:16]


def series_uid(source: Source, kind: str, maker: str) -> UID:
    """SeriesInstanceUID: one series per source series, kind of object and maker.

    Args:
        source: image that the object is made from.
        kind: one of ``KINDS``.
        maker: software, version and weights.
    """
    study, series = (str(source.dataset.get(keyword, "")) for keyword in ("StudyInstanceUID", "SeriesInstanceUID"))
    return generate_uid(entropy_srcs=[MANUFACTURER, "series", kind, study, series, maker])


def instance_uid(source: Source, kind: str, maker: str, content: str) -> UID:
    """SOPInstanceUID of an object with this ``content`` (text or a hash of it)."""
    uid = str(source.dataset.get("SOPInstanceUID", ""))
    return generate_uid(entropy_srcs=[MANUFACTURER, "instance", kind, uid, source.digest(), maker, content])


def series_number(source: Source, kind: str) -> int:
    """SeriesNumber far above those of modalities, different for each kind of object."""
    own = max(0, int(number(source.dataset.get("SeriesNumber")) or 0)) % 1_000_000
    return 9000 + 10 * own + _KINDS.index(kind)


def _instance_number(source: Source) -> int:
    """InstanceNumber of the source, 1 when it has none."""
    return max(1, int(number(source.dataset.get("InstanceNumber")) or 1))


def made_by(source: Source, kind: str, algorithm: Algorithm) -> dict[str, Any]:
    """What highdicom's objects take of series and equipment, the same for every kind.

    Args:
        source: image that the object is made from.
        kind: one of ``KINDS``.
        algorithm: what computed the result.
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
    """Item of SourceImageSequence (PS3.3 C.7.6.1.1.4): the image that another was made from."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = str(source.dataset.get("SOPClassUID", ""))
    reference.ReferencedSOPInstanceUID = str(source.dataset.get("SOPInstanceUID", ""))
    reference.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.SourceImageForImageProcessingOperation)]
    return reference


def save_again(dataset: Dataset, destination: Path) -> None:
    """Save an object of highdicom, which dates what it makes."""
    _keep_creation_times(dataset, destination)
    save(dataset, destination)


def _keep_creation_times(dataset: Dataset, destination: Path) -> None:
    """Give an object that was written before its first time of creation, so that equal UIDs mean equal bytes."""
    try:
        earlier = pydicom.dcmread(destination, stop_before_pixels=True)
    except Exception:  # absent, cut off or something else: there is no time to keep
        return
    if earlier.get("SOPInstanceUID") == dataset.SOPInstanceUID:
        for keyword in _CREATION_TIMES:
            if keyword in dataset and keyword in earlier:
                dataset[keyword] = earlier[keyword]


def save(dataset: Dataset, destination: Path) -> None:
    """Write Explicit VR Little Endian with an empty preamble (an executable can hide in one), atomically."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.preamble = b"\0" * 128
    with atomic_write(destination) as file:
        pydicom.dcmwrite(file, dataset, enforce_file_format=True)
