"""Is it a frontal chest film? What a header and simple figures of the image can tell; no more.

A picture without a header passes unless its figures are impossible, and so does an animal that nothing names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .reading import Radiograph
from .refusal import RefusedInput

MODALITIES = ("CR", "DX", "RG")
CHEST_WORDS = ("CHEST", "THORAX", "LUNG", "TORAX", "TORACE", "PULMON", "HEART", "RIB")
FRONTAL_VIEWS = ("PA", "AP")
MIN_SIDE, MAX_ASPECT, MIN_LEVELS = 32, 3.0, 16


def check_chest_film(source: Radiograph | Mapping[str, Any]) -> list[str]:
    """Reasons against a frontal chest film; empty when nothing speaks against it.

    Args:
        source: a radiograph, or only its meta.
    """
    meta = source.meta if isinstance(source, Radiograph) else source
    reasons = check_header(meta) if meta["source_format"] == "dicom" else []
    if isinstance(source, Radiograph):
        reasons += check_figures(source.image[0])
    return reasons


def require_chest_film(source: Radiograph | Mapping[str, Any], file: str | Path) -> None:
    """Refuse what :func:`check_chest_film` has reasons against.

    Raises:
        RefusedInput: ``NOT_CHEST``, naming the file and the reasons.
    """
    reasons = check_chest_film(source)
    if reasons:
        raise RefusedInput(
            "NOT_CHEST", "not a frontal chest film", "a PA or AP chest radiograph", "; ".join(reasons),
            "leave it out, or correct the header", str(file),
        )  # fmt: skip


def check_header(meta: Mapping[str, Any]) -> list[str]:
    """Reasons from allow-listed header attributes; an absent body part or view is no reason."""
    reasons = []
    if meta["modality"] not in MODALITIES:
        reasons.append(f"Modality: expected one of {', '.join(MODALITIES)}, found {meta['modality'] or 'none'}")
    body_part = meta["body_part"]
    if body_part and not any(word in body_part for word in CHEST_WORDS):
        reasons.append(f"BodyPartExamined: expected CHEST, found {body_part}")
    if meta["view"] and not meta["view"].startswith(FRONTAL_VIEWS):
        reasons.append(f"ViewPosition: expected PA or AP, found {meta['view']}")
    if "animal" in meta["flags"]:
        reasons.append("PatientSpeciesDescription and descriptions: expected a human, found an animal")
    return reasons


def check_figures(image: np.ndarray) -> list[str]:
    """Reasons from size and grey levels of an image (H, W) in [0, 1]."""
    height, width = image.shape
    reasons = []
    if min(height, width) < MIN_SIDE:
        reasons.append(f"image: expected sides of at least {MIN_SIDE} pixels, found {height} x {width}")
    if max(height, width) > MAX_ASPECT * min(height, width):
        reasons.append(f"image: expected sides within a factor of {MAX_ASPECT:g}, found {height} x {width}")
    levels = int(np.count_nonzero(np.bincount((image * 255).round().astype(np.uint8).ravel(), minlength=256)))
    if levels < MIN_LEVELS:
        reasons.append(f"image: expected at least {MIN_LEVELS} of 256 grey levels, found {levels}")
    return reasons
