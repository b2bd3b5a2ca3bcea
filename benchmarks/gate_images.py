"""Images for ``gate_error_rates.py``: films with their source, patient and view, other images, and augmentation."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.gate.appearance import thumbnail

FRONTAL, LATERAL, OTHER = "frontal", "lateral", "other"
SOURCES = {
    "nih": "NIH",
    "nih_scattered": "NIH",
    "nih_128px": "NIH 128 px",
    "covid_cohen": "COVID-19 collection",
    "covid_cohen_new": "COVID-19 collection",
    "hannover_covid": "Hannover portable",
    "kermany_paediatric": "paediatric",
    "openi_samples": "Open-i",
}
# Found by looking at the films that the model scored lowest: the tables of NIH ChestX-ray14 list them as PA or AP.
LATERAL_IN_NIH = set(
    "00001602_000 00001758_001 00001803_003 00002058_012 00002097_000 00002117_003 00002299_002 00002354_000 "
    "00002391_000 00002592_003 00002639_009 00002644_006 00002705_000 00003023_000 00003094_002 00003122_001 "
    "00005794_010 00009683_005".split()
)
# Frontal films that are stored turned, upside down or inverted, and an abdomen.
NOT_UPRIGHT_IN_NIH = set(
    "00001491_000 00001814_001 00002180_000 00002376_002 00002720_002 00002815_003 00002868_008 00002898_001 "
    "00003064_030 00003122_004 00003220_004 00003562_000 00003693_005 00003490_011 00017999_000 00002359_018".split()
)
PICTURES = {".png", ".jpg", ".jpeg"}
RADIOGRAPHS = ("dog", "hip", "extremity", "RG3")  # in the names of radiographs of something else
CHEST_FILES = ("RG1",)
SYNTHETIC_SIDE = 128


class Film(NamedTuple):
    """A chest film.

    Attributes:
        path: image file.
        source: name of the collection.
        patient: identifier of the patient in the tables.
        view: ``frontal``, ``lateral`` or ``other`` (not upright, or not a chest film).
    """

    path: Path
    source: str
    patient: str
    view: str


def read_films(cxr: Path) -> list[Film]:
    """Films of both tables of labels, with corrected views."""
    films = []
    for table in ("labels.csv", "labels_more.csv"):
        with (cxr / table).open(newline="") as file:
            for row in csv.DictReader(file):
                path, folder = cxr / row["image"], row["image"].split("/")[0]
                view = LATERAL if row["view"] == "LATERAL" else FRONTAL
                if folder.startswith("nih"):
                    view = LATERAL if path.stem in LATERAL_IN_NIH else view
                    view = OTHER if path.stem in NOT_UPRIGHT_IN_NIH else view
                films.append(Film(path, SOURCES[folder], row["patient_id"], view))
    return films


def read_picture(path: Path) -> np.ndarray:
    """Grey picture (H, W) in [0, 1]; colours are averaged."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float32) / 255


def read_others(folders: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and image of every readable picture and DICOM image below folders that is no chest film.

    Images that nearly equal an earlier one are left out.
    """
    seen: list[np.ndarray] = []
    for path in sorted((path for folder in folders for path in folder.rglob("*")), key=lambda path: path.name):
        try:
            image = read_picture(path) if path.suffix.lower() in PICTURES else read_dicom(path)
        except Exception:  # not an image, or not decodable here
            continue
        if image is None or path.name.startswith(CHEST_FILES) or min(image.shape) < 32 or image.std() < 1e-3:
            continue
        thumb = thumbnail(image) - 0.5
        thumb /= max(float(np.linalg.norm(thumb)), 1e-6)
        if all(float((thumb * other).sum()) < 0.95 for other in seen):
            seen.append(thumb)
            yield path.name, image


def read_dicom(path: Path) -> np.ndarray | None:
    """First frame (H, W) in [0, 1] of a DICOM image of any modality; ``None`` for another file."""
    import pydicom

    if path.suffix.lower() != ".dcm":
        return None
    try:
        return read_radiograph(path).image[0]
    except RefusedInput:
        pixels = np.asarray(pydicom.dcmread(path).pixel_array, dtype=np.float32)
        while pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[-1] != 3):
            pixels = pixels[0]
        pixels = pixels.mean(-1) if pixels.ndim == 3 else pixels
        return (pixels - pixels.min()) / max(float(np.ptp(pixels)), 1.0)


def is_radiograph(name: str) -> bool:
    """Whether an image is a radiograph of something else, according to the name of its file."""
    return any(word in name for word in RADIOGRAPHS)


def reduced(image: np.ndarray, side: int = 320) -> np.ndarray:
    """Image whose longer side has at most ``side`` pixels."""
    factor = min(1, side / max(image.shape))
    height, width = (max(32, round(length * factor)) for length in image.shape)
    picture = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def disturb(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A chest film with another framing, a slight rotation, sometimes shutters and a ramp of brightness.

    Each side is cut by up to 20 % or widened by up to 8 %.
    """
    height, width = image.shape
    picture = Image.fromarray(image).rotate(float(rng.uniform(-8, 8)), Image.Resampling.BILINEAR)
    top, bottom, left, right = rng.uniform(-0.08, 0.2, 4)
    box = (int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height))
    image = np.asarray(picture.crop(box))
    if rng.random() < 0.3:
        shutters = rng.uniform(0, 0.25, 4) * (rng.random(4) < 0.6) * np.repeat(image.shape, 2)
        image = np.pad(image, shutters.astype(int).reshape(2, 2), constant_values=float(rng.choice([0, 0, 1])))
    if rng.random() < 0.5:
        rows, columns = np.ogrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
        slope = rng.normal(size=2) * 0.15
        image = image + slope[0] * rows + slope[1] * columns
    return image


def cut(image: np.ndarray, rng: np.random.Generator, shares: tuple[float, float] = (0.5, 1)) -> np.ndarray:
    """A random part of an image, turned and flipped.

    Args:
        image: (H, W).
        rng: source of randomness.
        shares: smallest and largest share of each side.
    """
    share = rng.uniform(*shares)
    height, width = (max(16, int(side * share)) for side in image.shape)
    row, column = (
        int(rng.integers(0, side - part + 1)) for side, part in zip(image.shape, (height, width), strict=True)
    )
    part = np.rot90(image[row : row + height, column : column + width], int(rng.integers(4)))
    return np.ascontiguousarray(part[:, :: int(rng.choice([-1, 1]))])


def half(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Left or right half of a film."""
    middle = image.shape[1] // 2
    return image[:, :middle] if rng.random() < 0.5 else image[:, middle:]


def patterns(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Noise of several grains, and smooth gradients."""
    rows, columns = np.mgrid[-1:1:256j, -1:1:256j]
    for _ in range(20):
        for grain in (2, 4, 8, 16, 64, 256):
            noise = Image.fromarray(rng.random((grain, grain)).astype(np.float32))
            yield np.asarray(noise.resize((256, 256), Image.Resampling.BILINEAR))
        slope = rng.normal(size=3)
        ramp = slope[0] * rows + slope[1] * columns + slope[2] * (rows**2 + columns**2)
        yield ((ramp - ramp.min()) / np.ptp(ramp)).astype(np.float32)


def synthetic_other(rng: np.random.Generator) -> np.ndarray:
    """A synthetic image with the coarse shapes of a limb, vessels, a jaw or a breast, turned at random.

    One in ten is inverted.
    """
    draw = (limb, vessels, jaw, breast)[int(rng.integers(4))]
    image = np.rot90(draw(rng), int(rng.integers(4)))
    image = (image - image.min()) / max(float(np.ptp(image)), 1e-6)
    return np.ascontiguousarray(1 - image if rng.random() < 0.1 else image, dtype=np.float32)


def clouds(rng: np.random.Generator, grain: int) -> np.ndarray:
    """Smooth noise (S, S) in about [0, 1] with ``grain`` random values along each side."""
    noise = Image.fromarray(rng.random((grain, grain)).astype(np.float32))
    return np.asarray(noise.resize((SYNTHETIC_SIDE, SYNTHETIC_SIDE), Image.Resampling.BICUBIC))


def limb(rng: np.random.Generator) -> np.ndarray:
    """Tapered capsules with a bright core that meet in one point: one to six fingers or bones on a stump."""
    rows, columns = np.mgrid[0 : 1 : SYNTHETIC_SIDE * 1j, 0 : 1 : SYNTHETIC_SIDE * 1j].astype(np.float32)

    def capsule(start: np.ndarray, end: np.ndarray, first: float, last: float) -> np.ndarray:
        along = end - start
        share = np.clip(((columns - start[0]) * along[0] + (rows - start[1]) * along[1]) / (along @ along), 0, 1)
        distance = np.hypot(columns - start[0] - share * along[0], rows - start[1] - share * along[1])
        return np.sqrt(np.clip(1 - (distance / (first + (last - first) * share)) ** 2, 0, 1))

    def direction(angle: float) -> np.ndarray:
        return np.array([np.cos(angle), np.sin(angle)])

    image = np.zeros((SYNTHETIC_SIDE, SYNTHETIC_SIDE), np.float32)
    joint, fingers = rng.uniform(0.25, 0.75, 2), int(rng.integers(1, 7))
    angle, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6)
    width = rng.uniform(0.04, 0.14) if fingers > 2 else rng.uniform(0.08, 0.35)
    for finger in range(fingers):
        turn = angle + (finger - (fingers - 1) / 2) * spread + rng.normal() * 0.05
        tip, taper = joint + rng.uniform(0.3, 0.9) * direction(turn), rng.uniform(0.5, 1)
        image = np.maximum(image, 0.5 * capsule(joint, tip, width, width * taper))
        if rng.random() < 0.8:
            image += 0.35 * capsule(joint, tip, width * 0.45, width * 0.45 * taper)
    stump, width = joint - 1.2 * direction(angle), rng.uniform(0.1, 0.3)
    image = np.maximum(image, 0.6 * capsule(joint, stump, width, width * rng.uniform(0.6, 1)))
    if rng.random() < 0.7:
        image += 0.3 * capsule(joint, stump, width * 0.3, width * 0.3)
    return image + 0.06 * clouds(rng, 4) + 0.03 * clouds(rng, 32)


def vessels(rng: np.random.Generator) -> np.ndarray:
    """Dark branching lines over smooth noise, sometimes inside a round aperture, as in an angiogram."""
    picture = Image.new("F", (SYNTHETIC_SIDE, SYNTHETIC_SIDE))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(2, 9))):
        point, angle, width = rng.uniform(0.1, 0.9, 2) * SYNTHETIC_SIDE, rng.uniform(0, 2 * np.pi), rng.uniform(1, 4)
        for _ in range(30):
            angle += rng.normal() * 0.3
            end = point + 4 * np.array([np.cos(angle), np.sin(angle)])
            pen.line([*point, *end], fill=1, width=max(1, int(width)))
            point, width = end, width * 0.98
    image = clouds(rng, int(rng.integers(3, 7))) - rng.uniform(0.2, 0.6) * np.asarray(picture)
    rows, columns = np.ogrid[-1 : 1 : SYNTHETIC_SIDE * 1j, -1 : 1 : SYNTHETIC_SIDE * 1j]
    inside = np.hypot(rows, columns) < (rng.uniform(0.84, 1) if rng.random() < 0.4 else 2)
    return np.where(inside, image, image.min())


def jaw(rng: np.random.Generator) -> np.ndarray:
    """A bright ellipse, sometimes striated as by teeth, over smooth noise: a jaw, a skull or a pelvis."""
    rows, columns = np.mgrid[-1 : 1 : SYNTHETIC_SIDE * 1j, -1 : 1 : SYNTHETIC_SIDE * 1j]
    rows, columns = rows - rng.uniform(-0.6, 0.6), columns * rng.uniform(0.5, 1.5)
    distance = np.hypot(columns, rows) - rng.uniform(0.4, 0.9)
    band = np.exp(-((distance / rng.uniform(0.05, 0.3)) ** 2))
    if rng.random() < 0.5:
        band *= 0.7 + 0.3 * np.sign(np.sin(np.arctan2(rows, columns) * rng.integers(8, 40)))
    return band + 0.4 * clouds(rng, 4) + 0.05 * clouds(rng, 32)


def breast(rng: np.random.Generator) -> np.ndarray:
    """A bright half ellipse at the left edge on a dark ground, sometimes with a brighter corner: a mammogram."""
    rows, columns = np.mgrid[0 : 1 : SYNTHETIC_SIDE * 1j, 0 : 1 : SYNTHETIC_SIDE * 1j]
    height, width = rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.95)
    inside = np.clip(1 - ((rows - rng.uniform(0.35, 0.65)) / height) ** 2 - (columns / width) ** 2, 0, 1)
    gland = clouds(rng, 8) + 0.5 * clouds(rng, 24)
    image = np.minimum(4 * inside, 1) * 0.4 + 0.5 * inside * gland
    if rng.random() < 0.5:
        image = np.maximum(image, np.clip(8 * (rng.uniform(0.2, 0.5) - columns - rows * rng.uniform(0.4, 1)), 0, 0.9))
    return image + 0.02 * clouds(rng, 32)
