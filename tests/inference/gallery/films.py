"""Predictions with known content, and the page of some of them."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from scripts.common.failures import Failure
from scripts.inference.gallery.film_record import film_record, refused_record
from scripts.inference.gallery.prediction_gallery import PredictionGallery
from scripts.inference.study_prediction import StudyPrediction
from scripts.super_resolution.region_enhancer import EnhancedRegions
from scripts.super_resolution.regions import Region

LABELS = ["Edema", "Mass", "Nodule"]
RUN = {
    "labels": LABELS,
    "thresholds": [0.5, 0.2, 0.1],
    "uncalibrated": ["Nodule"],
    "policy": "youden",
    "novel_above": 0.99,
    "attention": "patch_logits",
    "enhancer": "ldm",
    "model": "0123456789ab",
    "software": "0.5.0",
}
SIZE = (160, 128)
BOXES = [(0, 0, 64, 64), (80, 40, 144, 104)]


def prediction(number: int = 0, name: str = "", **changes) -> StudyPrediction:
    """A film of ``SIZE`` with two regions, of which the enhanced ones are brighter by 0.25 in their left half."""
    rng = np.random.default_rng(number)
    image = np.linspace(0, 0.7, SIZE[1], dtype=np.float32)[None].repeat(SIZE[0], 0)
    probabilities = np.array([0.9, 0.1, 0.05]) if number % 2 == 0 else np.array([0.3, 0.25, 0.15])
    source = torch.from_numpy(image)[None]
    natives = [source[:, row0:row1, col0:col1] for row0, col0, row1, col1 in BOXES]
    brighter = torch.zeros(1, 64, 64)
    brighter[..., :32] = 0.25
    enhanced = EnhancedRegions(
        source,
        [Region(*box) for box in BOXES],
        natives,
        [native[:, ::4, ::4] for native in natives],
        [native + brighter for native in natives],
        1.0,
        [],
        0,
    )
    content = {
        "labels": LABELS,
        "logits": probabilities,
        "probabilities": probabilities,
        "calibrated": probabilities,
        "decisions": probabilities >= RUN["thresholds"],
        "novelty": 0.995 if number == 3 else 0.1 * (number % 10),
        "flags": ["orientation not known"] if number == 1 else [],
        "image": image,
        "spacing_mm": [0.2, 0.2],
        "attention_map": np.tile(np.arange(SIZE[1], dtype=np.float32), (SIZE[0], 1)),
        "label_maps": rng.random((3, 8, 8)).astype(np.float32),
        "image_size": 64,
        "regions": list(BOXES),
        "region_labels": ["Edema", None],
        "enhanced": image,
        "enhanced_regions": enhanced,
    }
    return StudyPrediction(name or f"films/{number:03}.png", **{**content, **changes})


def refusal(name: str = "films/lateral.dcm", **changes) -> Failure:
    content = {"code": "NOT_FRONTAL", "reason": f"{name}: not frontal; expected PA or AP", "remedy": "leave it out"}
    return Failure(name, **{**content, **changes})


def write(folder: Path, predictions: list[StudyPrediction], refused: list[Failure] = [], **run) -> Path:  # noqa: B006
    """Write the page of predictions, and of inputs that were refused."""
    gallery = PredictionGallery(folder / "predictions.html", {**RUN, **run})
    films = []
    for number, one in enumerate(predictions):
        gallery.add(f"{number:05}_film", number, one)
        films.append(film_record(number, one.row()))
    films += [refused_record(len(films) + number, failure) for number, failure in enumerate(refused)]
    gallery.write(films)
    return gallery.page


def data_of(page: Path) -> dict:
    """The data on a page."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1])
