"""Is it a frontal chest film? The header says first, then the image; in conflict, or in doubt, a flag and no refusal.

What an image can tell, and how often it is wrong, is measured by ``benchmarks/gate_error_rates.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...common.refusal import RefusedInput
from ..read.radiograph import Radiograph
from ..terms import CHEST_WORDS, FRONTAL_VIEWS
from .appearance import load_coefficients, pose_scores

_MODALITIES = ("CR", "DX", "RG")
_MIN_SIDE, _MAX_ASPECT, _MIN_LEVELS = 32, 3.0, 16
# Twice the side of the thumbnail that the image model sees; a smaller image is read, but not judged.
_MIN_JUDGED_SIDE = 128
_REMEDIES = {
    False: "leave it out, or correct the header",
    True: "leave it out; if it is one, give it upright as DICOM with BodyPartExamined CHEST and ViewPosition PA or AP",
}


class Reason(NamedTuple):
    """Why an image is no frontal chest film."""

    code: str
    text: str


def check_chest_film(source: Radiograph | Mapping[str, Any]) -> list[Reason]:
    """Reasons against a frontal chest film; empty when nothing speaks against it.

    Args:
        source: a radiograph, or only its meta.
    """
    return judge(source)[0]


def require_chest_film(source: Radiograph | Mapping[str, Any], file: str | Path) -> list[str]:
    """Refuse what :func:`check_chest_film` has reasons against.

    Returns:
        Flags: what is doubtful about an image that is not refused.

    Raises:
        RefusedInput: ``OTHER_MODALITY``, ``OTHER_BODY_PART``, ``NOT_FRONTAL``, ``ANIMAL`` or ``NOT_CHEST`` (the image
            says so), naming the file and all reasons.
    """
    reasons, flags = judge(source)
    if reasons:
        raise RefusedInput(
            reasons[0].code, "not a frontal chest film", "a PA or AP chest radiograph",
            "; ".join(reason.text for reason in reasons), _REMEDIES[reasons[0].code == "NOT_CHEST"], str(file),
        )  # fmt: skip
    return flags


def judge(source: Radiograph | Mapping[str, Any]) -> tuple[list[Reason], list[str]]:
    """Reasons to refuse, and flags."""
    meta = source.meta if isinstance(source, Radiograph) else source
    is_dicom = meta["source_format"] == "dicom"
    reasons = _check_header(meta) if is_dicom else []
    if not isinstance(source, Radiograph):
        return reasons, []
    reasons += _check_figures(source.image[0])
    if reasons:
        return reasons, []
    if min(source.image.shape[1:]) < _MIN_JUDGED_SIDE:
        return [], ["image: too small to tell a chest film"]
    reasons, flags = judge_scores(pose_scores(source.image[0]))
    if reasons and is_dicom and _says_frontal_chest(meta):
        return [], [f"{reasons[0].text}, against the header"]
    return reasons, flags


def _check_header(meta: Mapping[str, Any]) -> list[Reason]:
    """Reasons from allow-listed header attributes; an absent body part or view is no reason."""
    reasons = []
    if "animal" in meta["flags"]:
        text = "PatientSpeciesDescription and descriptions: expected a human, found an animal"
        reasons.append(Reason("ANIMAL", text))
    if meta["modality"] not in _MODALITIES:
        found = meta["modality"] or "none"
        reasons.append(Reason("OTHER_MODALITY", f"Modality: expected one of {', '.join(_MODALITIES)}, found {found}"))
    body_part = meta["body_part"]
    if body_part and not any(word in body_part for word in CHEST_WORDS):
        reasons.append(Reason("OTHER_BODY_PART", f"BodyPartExamined: expected CHEST, found {body_part}"))
    if meta["view"] and not meta["view"].startswith(FRONTAL_VIEWS):
        reasons.append(Reason("NOT_FRONTAL", f"ViewPosition: expected PA or AP, found {meta['view']}"))
    return reasons


def _says_frontal_chest(meta: Mapping[str, Any]) -> bool:
    """Whether a header without reasons against it names both the chest and a frontal view."""
    return bool(meta.get("body_part") and meta.get("view"))


def _check_figures(image: np.ndarray) -> list[Reason]:
    """Reasons from size and grey levels of an image (H, W) in [0, 1]."""
    from PIL import Image

    height, width = image.shape
    texts = []
    if min(height, width) < _MIN_SIDE:
        texts.append(f"image: expected sides of at least {_MIN_SIDE} pixels, found {height} x {width}")
    if max(height, width) > _MAX_ASPECT * min(height, width):
        texts.append(f"image: expected sides within a factor of {_MAX_ASPECT:g}, found {height} x {width}")
    levels = np.count_nonzero(Image.fromarray((image * 255 + 0.5).astype(np.uint8)).histogram())
    if levels < _MIN_LEVELS:
        texts.append(f"image: expected at least {_MIN_LEVELS} of 256 grey levels, found {levels}")
    return [Reason("NOT_CHEST", text) for text in texts]


def judge_scores(scores: Mapping[str, float]) -> tuple[list[Reason], list[str]]:
    """Reasons and flags from the scores of :func:`.appearance.pose_scores`.

    A film that is one only when turned or inverted is used as it is, and flagged: a wrong flag costs a look, a wrong
    correction a wrong result.
    """
    model = load_coefficients()
    pose = max(scores, key=lambda name: scores[name])
    if pose != "upright" and scores[pose] >= model["sure"] and scores["upright"] < model["doubt"]:
        return [], [f"image: probably {pose}"]
    if scores["upright"] < model["refuse"]:
        found = f"log odds of {scores['upright']:.1f}" + (f", more if {pose}" if scores[pose] >= model["doubt"] else "")
        return [Reason("NOT_CHEST", f"image: expected the look of a frontal chest film, found {found}")], []
    if scores["upright"] < model["doubt"]:
        return [], ["image: doubtful that it is a frontal chest film"]
    return [], []
