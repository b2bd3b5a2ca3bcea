"""Findings of a study: changed outlines, less aerated lungs, fine strokes, and the area of each finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..common.choices import check_choice
from .anatomy import LEFT, RIGHT, SIDES, Anatomy, Changes, diaphragm, wall
from .rasterizing import Strokes, segments, soft_step, texture

GRADES: dict[str, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": ("moderate", "marked"),
    "Cardiomegaly": ("moderate", "marked"),
    "Lung Opacity": ("patch", "nodular"),
    "Edema": ("alveolar", "interstitial"),
    "Pneumonia": ("segmental", "lobar"),
    "Atelectasis": ("plate", "basal"),
    "Pleural Effusion": ("small", "moderate", "large"),
}
PHANTOM_LABELS: tuple[str, ...] = tuple(GRADES)
# Grades that are drawn only as lines or spots of a few native pixels. They do not change the mean density around them,
# so a smaller image cannot show them even as haze.
FINE_GRADES = {"Lung Opacity": "nodular", "Edema": "interstitial"}
_LINE_BALANCE, _SPOT_BALANCE = 0.0048, 0.0024  # distance (units) over which fine detail keeps the mean density
_LINE_SIGMA = 0.00105  # standard deviation across a septal line (units)


@dataclass
class Scene:
    """State of a study while it is drawn: fields (n, n) on the coarse grid, to which findings are added."""

    anatomy: Anatomy
    changes: Changes
    x: np.ndarray
    y: np.ndarray
    lungs: tuple[np.ndarray, np.ndarray]  # signed distances to the outlines: right, left
    heart: np.ndarray
    mediastinum: np.ndarray
    aeration: np.ndarray  # fraction of the air that remains in the lungs, changed in place
    density: np.ndarray  # attenuation to add, changed in place
    parts: list[np.ndarray] = field(default_factory=list)  # areas of the current finding, inside where above 0.5
    fine: list[Strokes] = field(default_factory=list)

    def consolidate(self, share: np.ndarray) -> None:
        """Fill a fraction (n, n) of the remaining air."""
        self.aeration *= 1 - np.clip(share, 0, 1)

    def lung(self, side: int) -> np.ndarray:
        """Signed distance to the outline of a lung."""
        return self.lungs[SIDES.index(side)]


def check_findings(findings: Mapping[str, str] | None) -> dict[str, str]:
    """Check findings and return them in the order of ``PHANTOM_LABELS``.

    Raises:
        ValueError: a label or grade does not exist.
    """
    given = dict(findings or {})
    for label, grade in given.items():
        check_choice("findings", label, GRADES)
        check_choice(f"findings: {label}", grade, GRADES[label])
    return {label: given[label] for label in GRADES if label in given}


def change_outlines(findings: Mapping[str, str], rngs: Mapping[str, np.random.Generator], breath: float) -> Changes:
    """Changes of the outlines in a study.

    Args:
        findings: grade of each finding.
        rngs: random generator of each finding.
        breath: displacement of the diaphragm by breathing, in units.
    """
    heart, mediastinum, shift, raised = 1.0, 0.0, 0.0, [breath, breath]
    if grade := findings.get("Cardiomegaly"):
        heart = rngs["Cardiomegaly"].uniform(*((1.26, 1.38) if grade == "moderate" else (1.38, 1.52)))
    if grade := findings.get("Enlarged Cardiomediastinum"):
        range_ = (0.065, 0.085) if grade == "moderate" else (0.085, 0.12)
        mediastinum = rngs["Enlarged Cardiomediastinum"].uniform(*range_)
    if findings.get("Atelectasis") == "basal":
        rng = rngs["Atelectasis"]
        side = 0 if rng.random() < 0.5 else 1
        raised[side] += rng.uniform(0.10, 0.15)
        shift = SIDES[side] * rng.uniform(0.02, 0.05)
    elif findings.get("Atelectasis"):
        raised = [value + 0.05 for value in raised]
    return Changes(heart, mediastinum, shift, (raised[0], raised[1]))


def _add_cardiomegaly(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add the area of the finding, the heart, whose outline is already enlarged."""
    scene.parts.append(soft_step(scene.heart, 0.01))


def _add_mediastinum(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add the area of the finding, the mediastinum above the heart, whose outline is already enlarged."""
    level = soft_step(0.42 - np.abs(scene.y + 0.22), 0.01)
    scene.parts.append(soft_step(scene.mediastinum, 0.01) * level)


def _add_opacity(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add one to three round patches in the upper or middle zone of a lung, or small spots in both lungs."""
    if grade == "nodular":
        _add_nodules(scene, rng)
        return
    side = RIGHT if rng.random() < 0.5 else LEFT
    for _ in range(int(rng.integers(1, 4))):
        centre = (side * rng.uniform(0.32, 0.56), rng.uniform(-0.55, -0.08))
        radius = rng.uniform(0.11, 0.17)
        blob = _blob_at(scene, rng, centre, (radius, radius * rng.uniform(0.8, 1.2)), rough=0.10)
        share = blob * soft_step(scene.lung(side), 0.03)
        scene.consolidate(rng.uniform(0.38, 0.55) * share)
        scene.parts.append(share)


def _add_nodules(scene: Scene, rng: np.random.Generator) -> None:
    """Add miliary spots to a zone of each lung, with a full width at half maximum of 0.9 to 1.1 mm.

    That is about 3 pixels in an image of 1024. Spots of 5 pixels would not be fine detail, because they keep three
    quarters of their signal (norm) in an image of 224 pixels.
    """
    for side in SIDES:
        zone = _blob_at(scene, rng, (side * 0.42, rng.uniform(-0.25, 0.1)), (0.28, 0.42), rough=0.05)
        zone = zone * soft_step(scene.lung(side) - 0.04, 0.02)
        spots = _scatter(zone, scene, rng, 45)
        sigma = rng.uniform(0.0022, 0.0027, len(spots[0]))
        height = rng.uniform(0.20, 0.32, len(spots[0]))
        scene.fine.append(Strokes(*spots, sigma, height * 2 * np.pi * sigma**2).balanced(_SPOT_BALANCE))
        scene.parts.append(zone)


def _add_edema(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add septal lines and, for the alveolar grade, haze around both hila."""
    for side in SIDES:
        lung = scene.lung(side)
        lines = _septal_lines(scene, side, rng)
        scene.fine.append(lines)
        if grade == "interstitial":
            scene.parts.append(soft_step(lung - 0.01, 0.02) * soft_step(scene.y + 0.45, 0.02))
            continue
        haze = np.exp(-(((scene.x - side * 0.24) / 0.21) ** 2 + ((scene.y + 0.02) / 0.30) ** 2) / 2)
        haze = haze * np.clip(1 + 0.22 * texture(rng, len(lung), 0.035), 0, 2) * soft_step(lung, 0.06)
        scene.consolidate(rng.uniform(0.50, 0.68) * haze)
        scene.parts.append(soft_step(haze - 0.3, 0.05) * soft_step(lung, 0.02))


def _septal_lines(scene: Scene, side: int, rng: np.random.Generator) -> Strokes:
    """Kerley B lines at the lateral wall, A lines from the hilum, and a net of short lines of random direction.

    The lines are 1 to 2 pixels wide in an image of 1024.
    """
    level = rng.uniform(0.0, 0.45, 22)
    start = wall(scene.anatomy, level) - rng.uniform(0.012, 0.03, 22)
    uniform = rng.uniform
    groups = [
        (start, level, np.pi + rng.normal(0, 0.12, 22), uniform(0.06, 0.12, 22)),
        (uniform(0.2, 0.3, 12), uniform(-0.25, 0.15, 12), uniform(-1.1, 0.6, 12), uniform(0.1, 0.3, 12)),
        (uniform(0.2, 0.75, 45), uniform(-0.3, 0.45, 45), uniform(0, 2 * np.pi, 45), uniform(0.03, 0.08, 45)),
    ]
    x, y, angle, length = (np.concatenate(column) for column in zip(*groups, strict=True))
    lines = segments(x, y, angle, length, _LINE_SIGMA, rng.uniform(0.045, 0.075, len(x)))
    lines = lines if side == LEFT else lines.mirrored()
    return lines.keep(_sample(scene.lung(side), scene, lines.x, lines.y) > 0.01).balanced(_LINE_BALANCE)


def _add_pneumonia(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add a dense consolidation of the middle and lower zone of a lung, with a straight upper edge and bronchograms."""
    side = RIGHT if rng.random() < 0.55 else LEFT
    radius = 0.17 if grade == "segmental" else 0.23
    centre = (side * rng.uniform(0.36, 0.50), rng.uniform(0.10, 0.24))
    blob = _blob_at(scene, rng, centre, (radius * rng.uniform(1.0, 1.3), radius), rough=0.16)
    fissure = soft_step(scene.y - centre[1] + 0.6 * radius + 0.15 * side * (scene.x - centre[0]), 0.025)
    share = blob * fissure * soft_step(scene.lung(side), 0.02)
    bronchi = np.zeros_like(share)
    for angle in rng.uniform(-0.2, 1.2, 4):
        across = np.sin(angle) * (side * scene.x - 0.14) - np.cos(angle) * (scene.y - 0.02)
        bronchi = np.maximum(bronchi, np.exp(-((across / 0.009) ** 2) / 2))
    scene.consolidate(rng.uniform(0.72, 0.88) * share * (1 - 0.35 * bronchi))
    scene.parts.append(share)


def _add_atelectasis(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add plates (dense horizontal bands) above both diaphragms, or a collapsed base above a raised diaphragm."""
    if grade == "basal":
        side = SIDES[int(np.argmax(scene.changes.raised))]
        dome = diaphragm(scene.anatomy, side * scene.x, side, scene.changes)
        above = dome - 0.16 - 0.10 * (side * scene.x - 0.35) - scene.y
        share = soft_step(-above, 0.06) * soft_step(0.56 - side * scene.x, 0.12) * soft_step(scene.lung(side), 0.02)
        scene.consolidate(rng.uniform(0.65, 0.8) * share)
        scene.parts.append(share)
        return
    for side in SIDES:
        plates = np.zeros_like(scene.x)
        level = scene.anatomy.domes[SIDES.index(side)] - scene.changes.raised[SIDES.index(side)]
        for number in range(int(rng.integers(2, 4))):
            slope = side * rng.normal(0.0, 0.12)
            across = scene.y - (level - 0.06 - 0.075 * number) - slope * (scene.x - side * 0.45)
            along = (side * scene.x - rng.uniform(0.40, 0.52)) / rng.uniform(0.17, 0.24)
            plates = np.maximum(plates, soft_step(1 - np.abs(along), 0.4) * np.exp(-((across / 0.014) ** 2) / 2))
        plates = plates * soft_step(scene.lung(side), 0.02)
        scene.consolidate(rng.uniform(0.55, 0.75) * plates)
        scene.parts.append(plates)


def _add_effusion(scene: Scene, grade: str, rng: np.random.Generator) -> None:
    """Add fluid with a meniscus in the lateral angle, on one side or (three in ten) on both sides."""
    first = RIGHT if rng.random() < 0.5 else LEFT
    height = {"small": (0.20, 0.27), "moderate": (0.30, 0.42), "large": (0.48, 0.70)}[grade]
    for side in (first, -first) if rng.random() < 0.3 else (first,):
        lateral = side * scene.x
        lowest = diaphragm(scene.anatomy, wall(scene.anatomy, np.array(0.5)), side, scene.changes)
        level = float(lowest) - rng.uniform(*height)
        inner = np.clip((wall(scene.anatomy, scene.y) - lateral) / 0.5, 0, 1)
        surface = level + 0.16 * np.sqrt(inner) + 0.05 * inner
        share = soft_step(scene.y - surface, 0.035) * soft_step(scene.lung(side), 0.015)
        scene.consolidate(0.95 * share)
        scene.parts.append(share)


ADDERS: dict[str, Callable[[Scene, str, np.random.Generator], None]] = {
    "Enlarged Cardiomediastinum": _add_mediastinum,
    "Cardiomegaly": _add_cardiomegaly,
    "Lung Opacity": _add_opacity,
    "Edema": _add_edema,
    "Pneumonia": _add_pneumonia,
    "Atelectasis": _add_atelectasis,
    "Pleural Effusion": _add_effusion,
}


def _blob_at(
    scene: Scene, rng: np.random.Generator, centre: tuple[float, float], axes: tuple[float, float], *, rough: float
) -> np.ndarray:
    """Elliptical patch (n, n) with an irregular soft edge, 1 inside."""
    distance = np.hypot((scene.x - centre[0]) / axes[0], (scene.y - centre[1]) / axes[1])
    return soft_step(1 - distance + rough * texture(rng, len(scene.x), 0.05), 0.7)


def _scatter(zone: np.ndarray, scene: Scene, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``count`` random points inside a zone."""
    x, y = rng.uniform(-1, 1, 12 * count), rng.uniform(-1, 1, 12 * count)
    inside = np.flatnonzero(_sample(zone, scene, x, y) > 0.5)[:count]
    return x[inside], y[inside]


def _sample(values: np.ndarray, scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of a coarse field at the pixels nearest to points; -1 outside the image."""
    size = len(values)
    step_x, step_y = scene.x[0, 1] - scene.x[0, 0], scene.y[1, 0] - scene.y[0, 0]
    across, down = scene.y[0, 1] - scene.y[0, 0], scene.x[1, 0] - scene.x[0, 0]
    scale = step_x * step_y - across * down
    dx, dy = x - scene.x[0, 0], y - scene.y[0, 0]
    column = np.rint((dx * step_y - dy * down) / scale).astype(int)
    row = np.rint((dy * step_x - dx * across) / scale).astype(int)
    inside = (np.minimum(column, row) >= 0) & (np.maximum(column, row) < size)
    return np.where(inside, values[np.clip(row, 0, size - 1), np.clip(column, 0, size - 1)], -1)
