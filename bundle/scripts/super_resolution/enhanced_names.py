"""Names of the enhanced images: a DICOM file keeps its name, another picture is written as PNG."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_PICTURES = {".png", ".jpg", ".jpeg", ".nii", ".nrrd", ".mha", ".mhd", ".gz"}


def output_name(name: str, as_dicom: bool) -> str:
    """Relative path of an enhanced image.

    Args:
        name: relative path of the source image, with forward slashes.
        as_dicom: whether it is written as DICOM, under its own name, or as PNG.
    """
    if as_dicom:
        return name
    stem, suffix = os.path.splitext(name)
    return f"{stem if suffix.lower() in _PICTURES else name}.png"


def is_dicom_file(path: Path) -> bool:
    """Whether a file has the DICOM prefix (PS3.10, section 7.1)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def check_output_names(images: Sequence[tuple[str, str]]) -> None:
    """Check that all enhanced images have different names.

    Whether a file is DICOM decides about its name. Only files that may get the same name are opened for this.

    Args:
        images: (path, relative path with forward slashes) of each source image.

    Raises:
        ValueError: two images would get the same name.
    """
    possible = [{output_name(name, as_dicom) for as_dicom in (True, False)} for _, name in images]
    uses = Counter(name for names in possible for name in names)
    seen: dict[str, str] = {}
    for (path, name), names in zip(images, possible, strict=True):
        if all(uses[one] == 1 for one in names):
            continue
        output = output_name(name, is_dicom_file(Path(path)))
        if seen.setdefault(output, path) != path:
            raise ValueError(
                f"{path}: would be written over the enhanced {seen[output]}; expected one name each, found {output} "
                "twice; put the datalist in the folder that holds all images, or rename one"
            )
