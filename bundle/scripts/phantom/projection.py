"""Projects a phantom: attenuation, noise and display, with the masks and boxes of the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import ndimage

from . import anatomy as body
from .anatomy import SIDES, Anatomy, Bone, Changes
from .display import collimation, marker, to_display
from .findings import ADDERS, FINE_GRADES, PHANTOM_LABELS, Scene, change_outlines, check_findings
from .rasterizing import (
    COARSE,
    COARSE_STROKE,
    Enlarged,
    Pose,
    Strokes,
    dome_profile,
    draw_strokes,
    ellipse,
    enlarge,
    join,
    soft_step,
    strips,
    texture,
)

# Attenuation (natural logarithm) of the soft tissue of the chest, and its reduction by the air of a lung.
_TISSUE, _AIR = 3.6, 2.3
_LUNG_DEPTH, _HEART_DEPTH = 0.40, 0.16  # distance (units) from the outline to full thickness
_NOISE = 0.030  # quantum noise of the logarithmic signal of soft tissue, in a pixel of an image of 1024
_NATIVE = 1024
# Fraction of the coarse attenuation that dynamic range compression removes, and its scale (units).
_COMPRESSION, _COMPRESSION_SCALE = 0.42, 0.25
_STREAMS = {name: index for index, name in enumerate(("pose", "noise", "outlines", "texture"))}


@dataclass(frozen=True)
class Phantom:
    """A synthetic study.

    Attributes:
        image: (H, W) uint16, 12-bit stored values of MONOCHROME2, bone bright.
        masks: area of each finding, (H, W) bool.
        boxes: ``{"label", "xywh"}`` in pixels, one for each part or side of a finding.
        fine_detail: findings that are drawn only as fine detail.
        anatomy: anatomy of the patient.
    """

    image: np.ndarray
    masks: dict[str, np.ndarray]
    boxes: list[dict[str, Any]]
    fine_detail: frozenset[str]
    anatomy: Anatomy


def make_phantom(
    seed: int,
    patient: int,
    study: int,
    findings: Mapping[str, str] | None = None,
    size: int = _NATIVE,
    *,
    noise: float = 1.0,
) -> Phantom:
    """Draw a study of a patient. Equal arguments give equal studies.

    Anatomy depends on (seed, patient); pose, exposure and noise on (seed, patient, study); a finding also on its label.
    Two calls that differ only in ``findings`` therefore show the same patient in the same pose with the same noise.

    Args:
        seed: random seed of the data set.
        patient: number of the patient.
        study: number of the patient's study.
        findings: grade (``GRADES``) of each finding that is present.
        size: numbers of rows and of columns; the field of view is always 350 mm.
        noise: factor of the quantum noise; 0 for none.

    Raises:
        ValueError: a finding, grade or size is not possible.
    """
    chosen = check_findings(findings)
    if size < 32:
        raise ValueError(f"size: too small; expected at least 32 pixels, found {size}; choose a larger size")
    streams = {name: _stream(seed, patient, study, index) for name, index in _STREAMS.items()}
    rngs = {label: _stream(seed, patient, study, 10 + PHANTOM_LABELS.index(label)) for label in chosen}
    anatomy, pose = _patient_anatomy(seed, patient), _draw_pose(streams["pose"])
    breath = streams["outlines"].normal(0, 0.015)
    scene = _set_scene(anatomy, change_outlines(chosen, rngs, breath), pose, min(size, COARSE))
    masks: dict[str, np.ndarray] = {}
    boxes: list[dict[str, Any]] = []
    for label, grade in chosen.items():
        scene.parts = []
        ADDERS[label](scene, grade, rngs[label])
        masks[label] = np.zeros((size, size), bool)
        for part in scene.parts:
            mask = enlarge(part, size) > 0.5
            masks[label] |= mask
            if mask.any():
                boxes.append({"label": label, "xywh": _bounding_box(mask)})
    image = np.maximum(_render(scene, pose, size, streams, noise), marker(size))
    fine = frozenset(label for label, grade in chosen.items() if FINE_GRADES.get(label) == grade)
    return Phantom(image, masks, boxes, fine, anatomy)


def _stream(*key: int) -> np.random.Generator:
    """Random generator of a key, independent of those of other keys."""
    return np.random.default_rng(np.random.SeedSequence(key))


@lru_cache(maxsize=8)
def _patient_anatomy(seed: int, patient: int) -> Anatomy:
    """Anatomy of a patient."""
    return body.draw_anatomy(_stream(seed, patient))


@lru_cache(maxsize=8)
def _patient_bones(anatomy: Anatomy) -> list[Bone]:
    """Bones of a patient, computed once."""
    return body.bones(anatomy)


@lru_cache(maxsize=8)
def _patient_vessels(anatomy: Anatomy) -> Strokes:
    """Vessels of a patient, computed once."""
    return body.vessels(anatomy)


def _draw_pose(rng: np.random.Generator) -> Pose:
    """Draw the pose of the patient in a study."""
    return Pose(rng.normal(0, 0.015), rng.normal(0, 0.02), rng.normal(1.0, 0.02), rng.normal(0, 0.018))


def _bounding_box(mask: np.ndarray) -> list[int]:
    """Bounding box [x, y, width, height] in pixels of a mask (H, W) that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(value) for value in (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)]


def _set_scene(anatomy: Anatomy, changes: Changes, pose: Pose, count: int) -> Scene:
    """Healthy chest with the outlines of a study, on the coarse grid (count, count)."""
    x, y = pose.grid(count)
    right, left = (body.lung_outline(anatomy, x, y, side, changes) for side in SIDES)
    aeration = 0.80 + 0.20 * soft_step(y + 0.35, 0.9)
    return Scene(
        anatomy,
        changes,
        x,
        y,
        (right, left),
        body.heart_outline(anatomy, x, y, changes),
        body.mediastinum_outline(anatomy, x, y, changes),
        aeration,
        _soft_tissue(anatomy, x, y),
    )


def _soft_tissue(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Attenuation (n, n) of the body without lungs, ribs and vessels."""
    side = np.abs(x)
    skin = body.body_outline(anatomy, x, y)
    thick = (0.25 + 0.75 * dome_profile(skin, 0.42)) * (0.86 + 0.14 * soft_step(y - 0.1, 1.2))
    total = _TISSUE * anatomy.thickness * thick
    level = (y - anatomy.first_rib) / anatomy.rib_pitch
    vertebrae = 0.75 + 0.25 * np.cos(2 * np.pi * level) ** 2
    total += 0.38 * dome_profile(0.115 - side, 0.10) * vertebrae
    for offset in (-0.06, 0.06):  # pedicles
        total += 0.12 * np.exp(-(((x - offset) / 0.016) ** 2) / 2) * soft_step(np.cos(2 * np.pi * level), 1.2)
    carina = -0.27
    trachea = dome_profile(0.042 - np.abs(x + 0.012), 0.042) * soft_step(carina - y, 0.05)
    for slope, reach in ((0.9, 0.14), (0.65, 0.18)):
        sign = -1 if slope == 0.9 else 1
        lateral = sign * (x + 0.012)
        bronchus = dome_profile(0.030 - np.abs(y - carina - slope * lateral) * 0.75, 0.03)
        trachea = np.maximum(trachea, bronchus * soft_step(lateral, 0.03) * soft_step(reach - lateral, 0.05))
    total -= 0.34 * trachea
    # Shoulder blade: a triangle that points downwards.
    medial, lateral = side - 0.68 - 0.22 * (y + 0.3), 0.86 - side - 0.55 * (y + 0.3)
    blade = body.smooth_min(body.smooth_min(medial, lateral, 0.05), y + 0.72 - 0.1 * side, 0.05)
    total += 0.13 * soft_step(blade, 0.03) + 0.07 * np.exp(-(((blade - 0.012) / 0.01) ** 2) / 2)
    if anatomy.breast:
        size = 0.30 * (0.8 + 0.4 * anatomy.breast)
        breast = ellipse(side, y, (0.52, 0.22 + 0.1 * anatomy.breast), (size, size * 1.05))
        total += 0.42 * anatomy.breast * dome_profile(breast, 0.22)
    gas = ellipse(x, y, (0.40, anatomy.domes[1] + 0.13), (0.10 * anatomy.gas + 0.01, 0.06 * anatomy.gas + 0.01))
    total -= 0.8 * anatomy.gas * dome_profile(gas, 0.05)
    rng = np.random.default_rng(anatomy.texture_seed)
    total += 0.035 * texture(rng, len(x), 0.02) + 0.05 * texture(rng, len(x), 0.15)
    return (total * soft_step(skin - 0.01, 0.02)).astype(np.float32)


def _render(
    scene: Scene, pose: Pose, size: int, streams: Mapping[str, np.random.Generator], noise: float
) -> np.ndarray:
    """Image (size, size) uint16 of a scene."""
    lungs, middle = np.maximum(*scene.lungs), np.maximum(scene.heart, scene.mediastinum)
    vessels = _patient_vessels(scene.anatomy)
    wide = vessels.sigma > COARSE_STROKE
    visible = soft_step(lungs, 0.04) * (1 - 0.6 * dome_profile(middle, _HEART_DEPTH)) * scene.aeration
    density = scene.density + draw_strokes(vessels.keep(wide), pose, len(lungs)) * visible
    coarse = density - _air(lungs, middle, scene.aeration)
    density -= _COMPRESSION * (blur(coarse, _COMPRESSION_SCALE) - _TISSUE / 2)
    sigma = noise * _NOISE * size / _NATIVE * np.exp((coarse - _TISSUE) / 2)

    image = draw_strokes(join([vessels.keep(~wide), *scene.fine]), pose, size)
    seen = Enlarged(visible, size)
    for first, last in strips(size):
        image[first:last] *= seen.rows(first, last)
    for bone in _patient_bones(scene.anatomy):
        _add_bone(image, bone, pose)
    fields = [Enlarged(values, size) for values in (density, lungs, middle, scene.aeration, sigma)]
    down, across = collimation(size, streams["pose"])
    exposure = streams["pose"].normal(0, 0.05)
    stored = np.empty((size, size), np.uint16)
    for first, last in strips(size):
        tissue, lung, heart, aeration, grain = (values.rows(first, last) for values in fields)
        strip = image[first:last]
        strip += tissue
        strip -= _air(lung, heart, aeration)
        if noise:
            strip += grain * streams["noise"].standard_normal(grain.shape, np.float32)
        stored[first:last] = to_display(strip, exposure, down[first:last, None] * across)
    return stored


def _air(lungs: np.ndarray, middle: np.ndarray, aeration: np.ndarray) -> np.ndarray:
    """Reduction of the attenuation by air, (n, n), from the signed distances to lungs and mediastinum."""
    amount = dome_profile(lungs, _LUNG_DEPTH)
    amount *= aeration
    covered = dome_profile(middle, _HEART_DEPTH)
    covered *= -0.80
    covered += 1
    amount *= covered
    amount *= _AIR
    return amount


def blur(values: np.ndarray, scale: float) -> np.ndarray:
    """Smooth a square field with a wide Gaussian, whose standard deviation is ``scale`` (units)."""
    small = enlarge(values, 64)
    return enlarge(ndimage.gaussian_filter(small, scale * 32, mode="nearest", truncate=2.5), len(values))


def _add_bone(image: np.ndarray, bone: Bone, pose: Pose) -> None:
    """Add a tube with a dense shell to an image (H, W), in place; its centre line is a function of the column."""
    size = len(image)
    column, row = pose.to_pixels(bone.x, bone.y, size)
    order = np.argsort(column)
    column, row, density = column[order], row[order], bone.density[order]
    first, last = max(0, int(np.ceil(column[0]))), min(size - 1, int(column[-1]))
    if last <= first:
        return
    at = np.arange(first, last + 1)
    centre, level = np.interp(at, column, row), np.interp(at, column, density)
    half = bone.half_width * pose.scale * size / 2 * np.sqrt(1 + np.clip(np.gradient(centre), -2, 2) ** 2)
    reach = int(half.max()) + 1
    rows = np.rint(centre).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
    across = (((rows - centre) / half) ** 2).astype(np.float32)
    shell = np.sqrt(np.maximum(1 - across, 0))
    shell -= 0.62 * np.sqrt(np.maximum(1 - across * 1.55, 0))
    ends = np.minimum(1, np.minimum(at - first + 1, last - at + 1) / (0.02 * size))
    shell *= (0.60 * level * ends).astype(np.float32)
    shell *= (rows >= 0) & (rows < size)
    # Rows outside the image are moved to its border, where they add zero. Index pairs may then repeat, hence add.at.
    np.add.at(image, (np.clip(rows, 0, size - 1), at[None, :]), shell)
