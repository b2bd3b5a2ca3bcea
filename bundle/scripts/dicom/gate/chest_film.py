"""Check that a radiograph is a frontal chest film: first by its header, then by its image.

A conflict between header and image, or a doubtful image, gives a flag and not a rejection. The error rates of the image
check are measured by ``benchmarks/gate_error_rates.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...common.refusal import RefusedInput
from ..read.radiograph import Radiograph
from ..words import names_chest, view_of
from .appearance import Scores, load_coefficients, score_image

_MODALITIES = ("CR", "DX", "RG")
_MIN_SIDE, _MAX_ASPECT, _MIN_LEVELS = 32, 3.0, 16
# Twice the side of the thumbnail that the image model receives. The image model does not score a smaller image.
_MIN_SCORED_SIDE = 128
_HEADER_REMEDY = "leave it out, or correct the header"
_IMAGE_REMEDY = (
    "leave it out; if it is one, give it upright as DICOM with BodyPartExamined CHEST and ViewPosition PA or AP"
)


class Reason(NamedTuple):
    """Reason to reject a radiograph as a frontal chest film.

    Attributes:
        code: code of the :class:`RefusedInput`.
        text: source of the reason, expectation and finding.
        remedy: action for the user.
    """

    code: str
    text: str
    remedy: str = _HEADER_REMEDY


def check_chest_film(source: Radiograph | Mapping[str, Any]) -> list[Reason]:
    """Reasons to reject a radiograph as a frontal chest film; an empty list if there are none.

    Args:
        source: radiograph, or only its metadata, in which case the image is not checked.
    """
    return evaluate(source)[0]


def require_chest_film(source: Radiograph | Mapping[str, Any], file: str | Path) -> list[str]:
    """Reject a radiograph for which :func:`check_chest_film` finds a reason.

    Args:
        source: radiograph, or only its metadata, in which case the image is not checked.
        file: name of the file for the message.

    Returns:
        Flags that state doubts about a radiograph that is not rejected.

    Raises:
        RefusedInput: the header names another modality (``OTHER_MODALITY``) or body part (``OTHER_BODY_PART``) or an
            animal (``ANIMAL``), the header names or the image shows another view (``NOT_FRONTAL``), or the image does
            not look like a chest film (``NOT_CHEST``). The message states all reasons.
    """
    reasons, flags = evaluate(source)
    if reasons:
        raise RefusedInput(
            reasons[0].code, "not a frontal chest film", "a PA or AP chest radiograph",
            "; ".join(reason.text for reason in reasons), reasons[0].remedy, str(file),
        )  # fmt: skip
    return flags


def evaluate(source: Radiograph | Mapping[str, Any]) -> tuple[list[Reason], list[str]]:
    """Reasons to reject a radiograph, and flags."""
    meta = source.meta if isinstance(source, Radiograph) else source
    is_dicom = meta["source_format"] == "dicom"
    reasons = _check_header(meta) if is_dicom else []
    if not isinstance(source, Radiograph):
        return reasons, []
    reasons += _check_size_and_levels(source.image[0])
    if reasons:
        return reasons, []
    if min(source.image.shape[1:]) < _MIN_SCORED_SIDE:
        return [], ["image: too small to tell a chest film"]
    reasons, flags = evaluate_scores(score_image(source.image[0]), load_coefficients())
    if reasons and is_dicom and _contradicts(meta, reasons[0]):
        return [], [f"{reasons[0].text}, against the header"]
    return reasons, flags


def _check_header(meta: Mapping[str, Any]) -> list[Reason]:
    """Reasons from allow-listed attributes of the header. An absent body part or view is not a reason."""
    reasons = []
    modality, body_part, view = (meta.get(key) for key in ("modality", "body_part", "view"))
    if "animal" in meta["flags"]:
        text = "PatientSpeciesDescription and descriptions: expected a human, found an animal"
        reasons.append(Reason("ANIMAL", text))
    if modality not in _MODALITIES:
        expected = ", ".join(_MODALITIES)
        reasons.append(Reason("OTHER_MODALITY", f"Modality: expected one of {expected}, found {modality or 'none'}"))
    if body_part and not names_chest(body_part):
        reasons.append(Reason("OTHER_BODY_PART", f"BodyPartExamined: expected CHEST, found {body_part}"))
    if view and view_of(view) != "frontal":
        reasons.append(Reason("NOT_FRONTAL", f"ViewPosition: expected PA or AP, found {view}"))
    return reasons


def _contradicts(meta: Mapping[str, Any], reason: Reason) -> bool:
    """Whether a header that gives no reason for rejection contradicts the image.

    A header that names a frontal view contradicts a lateral image. It contradicts an image that does not look like a
    chest film if it also names the chest.
    """
    return bool(meta.get("view") and (meta.get("body_part") or reason.code == "NOT_FRONTAL"))


def _check_size_and_levels(image: np.ndarray) -> list[Reason]:
    """Reasons from the size and the grey levels of an image (H, W) in [0, 1]."""
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
    return [Reason("NOT_CHEST", text, _IMAGE_REMEDY) for text in texts]


def evaluate_scores(scores: Scores, thresholds: Mapping[str, float]) -> tuple[list[Reason], list[str]]:
    """Reasons and flags from the scores of :func:`.appearance.score_image`.

    A film that looks better after a rotation or an inversion is used unchanged and flagged: a wrong flag costs a second
    look, but a wrong correction would give a wrong result.

    Args:
        scores: scores of the image.
        thresholds: ``refuse``, ``doubt`` and ``sure`` for the score of a frontal film, ``lateral_doubt`` and
            ``lateral_refuse`` for the score of a lateral one.
    """
    poses, upright = scores.poses, scores.poses["upright"]
    pose = max(poses, key=lambda name: poses[name])
    if pose != "upright" and poses[pose] >= thresholds["sure"]:
        return [], [f"image: probably {pose}"]
    # The sum of both scores are the log odds of a lateral chest film against another image.
    if scores.lateral >= thresholds["lateral_refuse"] and scores.lateral + upright > 0:
        text = f"image: expected a frontal view, found the look of a lateral view, log odds of {scores.lateral:.1f}"
        return [Reason("NOT_FRONTAL", text, _IMAGE_REMEDY)], []
    if upright < thresholds["refuse"]:
        found = f"log odds of {upright:.1f}" + (f", more if {pose}" if poses[pose] >= thresholds["doubt"] else "")
        text = f"image: expected the look of a frontal chest film, found {found}"
        return [Reason("NOT_CHEST", text, _IMAGE_REMEDY)], []
    flags = []
    if scores.lateral >= thresholds["lateral_doubt"]:
        flags.append("image: possibly a lateral view")
    if upright < thresholds["doubt"]:
        flags.append("image: doubtful that it is a frontal chest film")
    return [], flags
