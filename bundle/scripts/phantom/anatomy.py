"""Anatomy of a patient: parameters, outlines, bones and vessels. Coordinates and units are those of ``rasterizing``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rasterizing import Strokes, ellipse, join, segments, smooth_max, smooth_min, soft_step

RIGHT, LEFT = -1, 1  # sign of x; the patient's right side is on the left of the image
SIDES = (RIGHT, LEFT)
_LUNG_MIDDLE, _LUNG_POWER = 0.12, 2.4


@dataclass(frozen=True)
class Anatomy:
    """Anatomy of a patient, which is the same in all of the patient's studies."""

    sex: str
    age: int
    thickness: float  # relative thickness of the body
    lung_width: float
    apex: float  # y of the apex of the lungs
    domes: tuple[float, float]  # y of the diaphragm: right, left
    heart: float  # scale of the heart
    heart_tilt: float
    mediastinum: float  # half width of the mediastinum
    knob: float  # radius of the aortic arch
    body_width: float
    first_rib: float  # y of the first rib at the spine
    rib_pitch: float
    rib_slope: float
    rib_width: float
    clavicle: float  # slope of the clavicles
    breast: float  # relative size of the breasts, 0 for none
    gas: float  # relative size of the gastric bubble
    ribs_density: float
    texture_seed: int


@dataclass(frozen=True)
class Changes:
    """Changes of the outlines by findings and breathing."""

    heart: float = 1.0  # factor of the scale of the heart
    mediastinum: float = 0.0  # widening of the mediastinum
    shift: float = 0.0  # displacement of heart and mediastinum along x
    raised: tuple[float, float] = (0.0, 0.0)  # elevation of the diaphragm: right, left


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw the anatomy of a random adult."""
    sex = "F" if rng.random() < 0.48 else "M"
    age = int(np.clip(rng.normal(58, 16), 20, 89))
    right_dome = rng.normal(0.40, 0.035)
    return Anatomy(
        sex=sex,
        age=age,
        thickness=rng.normal(1.0, 0.06),
        lung_width=rng.normal(1.0 if sex == "M" else 0.95, 0.035),
        apex=rng.normal(-0.80, 0.025),
        domes=(right_dome, right_dome + rng.uniform(0.04, 0.09)),
        heart=rng.normal(0.98, 0.04),
        heart_tilt=rng.normal(0.5, 0.09),
        mediastinum=rng.normal(0.115, 0.009),
        knob=rng.normal(0.085, 0.008) + 0.0004 * (age - 58),
        body_width=rng.normal(0.97, 0.03),
        first_rib=rng.normal(-0.76, 0.02),
        rib_pitch=rng.normal(0.137, 0.006),
        rib_slope=rng.normal(0.19, 0.03),
        rib_width=rng.normal(0.031, 0.002),
        clavicle=rng.normal(0.20, 0.05),
        breast=rng.uniform(0.5, 1.0) if sex == "F" else 0.0,
        gas=rng.uniform(0.0, 1.0),
        ribs_density=rng.normal(1.0, 0.12),
        texture_seed=int(rng.integers(2**31)),
    )


def _lung_axis(anatomy: Anatomy, y: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Middle and half width of the outline of a lung, and relative distance of levels ``y`` from its widest level."""
    above = (_LUNG_MIDDLE - y) / (_LUNG_MIDDLE - anatomy.apex)
    height = np.where(y < _LUNG_MIDDLE, above, (y - _LUNG_MIDDLE) / 1.05)
    middle = 0.405 * anatomy.lung_width - 0.09 * np.clip(above, 0, 1.2) ** 2
    return middle, 0.385 * anatomy.lung_width, height


def wall(anatomy: Anatomy, y: np.ndarray) -> np.ndarray:
    """Distance of the lateral chest wall from the midline at levels ``y``."""
    middle, half, height = _lung_axis(anatomy, y)
    return middle + half * np.clip(1 - np.abs(height) ** _LUNG_POWER, 0, 1) ** (1 / _LUNG_POWER)


def diaphragm(anatomy: Anatomy, lateral: np.ndarray, side: int, changes: Changes) -> np.ndarray:
    """Level y of the diaphragm at distances ``lateral`` from the midline."""
    index = SIDES.index(side)
    part = (lateral - 0.36 * anatomy.lung_width) / 0.42
    fall = np.where(part > 0, 0.24, 0.13) * np.abs(part) ** 2.2
    return anatomy.domes[index] - changes.raised[index] + np.minimum(fall, 0.4)


def lung_outline(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, side: int, changes: Changes) -> np.ndarray:
    """Signed distance to the outline of a lung, positive inside. The medial end is behind the mediastinum."""
    lateral = side * x
    middle, half, height = _lung_axis(anatomy, y)
    across = np.abs(lateral - middle) / half
    chest = (1 - (across**_LUNG_POWER + np.abs(height) ** _LUNG_POWER) ** (1 / _LUNG_POWER)) * half
    above = (diaphragm(anatomy, lateral, side, changes) - y) * 0.88
    return smooth_min(smooth_min(chest, above, 0.025), lateral - 0.045, 0.02)


def heart_outline(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, changes: Changes) -> np.ndarray:
    """Signed distance to the outline of the heart, positive inside. A larger heart extends down and to the left."""
    size = anatomy.heart * changes.heart
    x = x - changes.shift
    base = 0.25 + 0.04 * (1 - changes.heart)
    ventricle = ellipse(x, y, (0.15 + 0.10 * (size - 1), base), (0.33 * size, 0.235 * size), anatomy.heart_tilt)
    atrium = ellipse(x, y, (-0.055, base - 0.02), (0.165 * size, 0.245 * size))
    trunk = ellipse(x, y, (0.075, -0.06), (0.10, 0.17))
    return smooth_max(smooth_max(ventricle, atrium, 0.08), trunk, 0.10)


def mediastinum_outline(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, changes: Changes) -> np.ndarray:
    """Signed distance to the outline of the mediastinum, positive inside."""
    wider = changes.mediastinum * np.exp(-(((y + 0.24) / 0.25) ** 2) / 2)
    half = anatomy.mediastinum * (1 - 0.22 * soft_step(-0.45 - y, 0.5)) + wider
    x = x - changes.shift * soft_step(y + 0.5, 0.6)
    strip = half - np.abs(x - 0.08 * wider)
    knob = ellipse(x, y, (0.075 + 0.8 * changes.mediastinum, -0.29), (anatomy.knob, anatomy.knob * 1.15))
    return smooth_max(strip, knob, 0.05)


def body_outline(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance to the skin of neck, shoulders and sides, positive inside."""
    lateral = np.abs(x)
    shoulder = y + 0.93 - 0.28 * soft_step(lateral - 0.62, 0.9)
    neck = 0.27 + 0.05 * (y + 1) - lateral
    sides = anatomy.body_width + 0.30 * soft_step(-0.38 - y, 0.45) - lateral
    return smooth_min(smooth_max(shoulder, neck, 0.20), sides, 0.1)


@dataclass(frozen=True)
class Bone:
    """A long bone: centre line (M,), half width, and density (M,) along the line."""

    x: np.ndarray
    y: np.ndarray
    half_width: float
    density: np.ndarray


def bones(anatomy: Anatomy) -> list[Bone]:
    """Posterior and anterior ribs and clavicles."""
    found = []
    part = np.linspace(0, 1, 33)
    for side in SIDES:
        for number in range(10):
            start = anatomy.first_rib + number * anatomy.rib_pitch
            end = float(wall(anatomy, np.array(np.clip(start + 0.06 + 0.016 * number, -0.72, 0.6)))) + 0.02
            lateral = 0.07 + (end - 0.07) * np.sin(part * np.pi / 2) ** 0.9
            bow = -0.035 * np.sin(np.pi * part) + (anatomy.rib_slope + 0.018 * number) * part**2.2
            density = anatomy.ribs_density * (0.9 - 0.2 * part)
            found.append(Bone(side * lateral, start + bow, anatomy.rib_width * (0.9 + 0.2 * part).mean(), density))
        for number in range(1, 7):
            start = anatomy.first_rib + (number + 1.3) * anatomy.rib_pitch
            end = float(wall(anatomy, np.array(np.clip(start, -0.70, 0.6)))) + 0.015
            inner = 0.22 + 0.035 * number
            lateral = end - (end - inner) * part**1.15
            fall = (0.20 + 0.025 * number) * part**0.8
            density = 0.55 * anatomy.ribs_density * np.clip((1 - part) * 3, 0, 1)
            found.append(Bone(side * lateral, start + fall, 1.12 * anatomy.rib_width, density))
        lateral = 0.075 + 0.72 * part
        rise = -0.50 - anatomy.clavicle * part - 0.035 * np.sin(2 * np.pi * part)
        found.append(Bone(side * lateral, rise, 0.036, np.full(33, 1.25)))
    return found


def vessels(anatomy: Anatomy) -> Strokes:
    """Pulmonary vessels, which branch from the hila outwards and become thinner at each branching."""
    rng = np.random.default_rng(anatomy.texture_seed)
    found: list[Strokes] = []
    for side in SIDES:
        hilum = np.array([0.15, -0.05 if side == RIGHT else -0.09])
        angle = np.linspace(-1.3, 1.2, 9) + rng.normal(0, 0.1, 9)
        x, y = np.full(9, hilum[0]), hilum[1] + 0.10 * np.sin(angle)
        length, sigma = rng.uniform(0.14, 0.20, 9), 0.0095
        for _ in range(4):
            direction = angle[:, None] + rng.normal(0, 0.25, len(angle))[:, None] * np.linspace(0, 1, 6)
            step = (length / 6)[:, None]
            corners_x = x[:, None] + np.cumsum(step * np.cos(direction), axis=1)
            corners_y = y[:, None] + np.cumsum(step * np.sin(direction), axis=1)
            starts_x = np.column_stack([x, corners_x[:, :-1]]).ravel()
            starts_y = np.column_stack([y, corners_y[:, :-1]]).ravel()
            steps, heights = np.repeat(length / 6, 6), np.full(len(starts_x), 8.5 * sigma**0.8)
            branch = segments(starts_x, starts_y, direction.ravel(), steps, sigma, heights)
            found.append(branch.mirrored() if side == RIGHT else branch)
            x, y = np.repeat(corners_x[:, -1], 2), np.repeat(corners_y[:, -1], 2)
            turn = rng.uniform(0.15, 0.55, (len(angle), 2)) * np.array([-1, 1])
            angle = (direction[:, -1:] + turn).ravel()
            length = np.repeat(length, 2) * rng.uniform(0.65, 0.95, len(angle))
            sigma *= 0.66
        found.append(_hilum_strokes(rng, hilum, side))
    return join(found)


def _hilum_strokes(rng: np.random.Generator, hilum: np.ndarray, side: int) -> Strokes:
    """Large vessels at the hilum."""
    spread = rng.normal(0, 1, (2, 14))
    x, y = side * (hilum[0] + 0.03 + 0.02 * spread[0]), hilum[1] + 0.05 + 0.065 * spread[1]
    sigma = np.full(14, 0.024)
    return Strokes(x, y, sigma, np.full(14, 0.13) * 2 * np.pi * sigma**2)
