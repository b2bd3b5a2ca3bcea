"""Miniature copies of public data sets: the real names of files and columns, tiny films."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from PIL import Image

from ...dicom.synthetic import make_dataset, picture, save


def table(path: Path, header: str, *rows: str) -> Path:
    """Write a CSV, gzipped if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([header, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def png(path: Path, side: int = 16, mode: str = "L") -> Path:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(side * side, dtype=np.uint32).reshape(side, side) % 251
    Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(path, format="JPEG" if path.suffix == ".jpg" else "PNG")
    return path


def dicom(path: Path, **attributes: object) -> Path:
    """Write a DICOM film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(make_dataset(picture(), **attributes), path)


def by_name(items: list[dict]) -> dict[str, dict]:
    """Items by the name of their file without suffix."""
    return {Path(item["image"]).stem: item for item in items}


def codes(failures: list) -> dict[str, str]:
    """Codes by the name of the file without suffix."""
    return {Path(failure.path).stem: failure.code for failure in failures}
