"""Measure a classifier on films of other hospitals than those of its training, with what the labels of each set allow.

    python benchmarks/external_sets.py ../shared/data/cxr --model bundle/models/vit-small-nih14 --out outputs/external

Reads ``labels.csv`` and ``labels_more.csv`` (columns image, patient_id, source, view, and one per label) and predicts
every frontal film of the sources below, as ``predict`` does, without the enhancement. For each source it prints the
films, how many the gate rejects, the share that is flagged as unlike the training images, and, for each label that both
occurs and is absent at least five times, the AUROC with a 95 % interval by patient, the calibration error and the mean
probability beside the prevalence. No source was used to train or to calibrate the shipped classifier.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.inference import Predictor, StudyImages, find_images  # noqa: E402
from scripts.metrics.classification import metrics_report  # noqa: E402

SOURCES = {
    "COVID-19 image collection, frontal": ("covid_chestxray", "covid_cohen_new"),
    "Hannover, portable AP": ("hannover_covid",),
    "paediatric, 1 to 5 years": ("kermany_paediatric",),
}
TABLES = ("labels.csv", "labels_more.csv")
FEWEST = 5  # cases with and without a label


def read_rows(folder: Path, sources: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of the frontal films of some sources."""
    rows: list[dict[str, str]] = []
    for table in TABLES:
        with (folder / table).open(newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["source"] in sources and row["view"] != "LATERAL"]
    return rows


def measure(predictor: Predictor, folder: Path, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Gate, novelty, and metrics of the labels of one source."""
    by_path = {str(folder / row["image"]): row for row in rows}
    films = StudyImages(find_images(list(by_path)), predictor.preprocessing)
    found = [prediction for _, prediction in predictor.predict_films(films)]
    used = [by_path[str(prediction.source_path)] for prediction in found]
    flags = Counter(flag for prediction in found for flag in prediction.flags)
    result: dict[str, Any] = {
        "films": len(rows),
        "patients": len({row["patient_id"] for row in rows}),
        "rejected": dict(Counter(failure.code for _, failure in films.failures)),
        "flags": dict(flags),
        "median_novelty": float(np.median([prediction.novelty for prediction in found])),
        "labels": {},
    }
    shown = np.stack([prediction.shown for prediction in found])
    targets = np.array([[float(row.get(label) or "nan") for label in predictor.labels] for row in used])
    report = metrics_report(predictor.labels, shown, targets, [row["patient_id"] for row in used])
    for column, label in enumerate(predictor.labels):
        known = targets[:, column][~np.isnan(targets[:, column])]
        if min((known == 1).sum(), (known == 0).sum()) >= FEWEST:
            row = report["labels"][label]
            result["labels"][label] = {
                **{name: row[name] for name in ("auroc", "auroc_ci", "calibration_error")},
                "positive": int((known == 1).sum()),
                "negative": int((known == 0).sum()),
                "mean_probability": float(shown[~np.isnan(targets[:, column]), column].mean()),
            }
    return result


def table(results: dict[str, dict[str, Any]]) -> str:
    """Results as a Markdown table."""
    lines = [
        "| source | films (patients) | rejected | flagged novel | label (with / without) | AUROC | calibration error |",
        "|---|---|---|---|---|---|---|",
    ]
    for source, found in results.items():
        rejected = ", ".join(f"{count} {code}" for code, count in found["rejected"].items()) or "0"
        used = found["films"] - sum(found["rejected"].values())
        novel = sum(count for flag, count in found["flags"].items() if "novel" in flag)
        head = f"| {source} | {found['films']} ({found['patients']}) | {rejected} | {novel}/{used}"
        for label, row in found["labels"].items():
            low, high = row["auroc_ci"]
            auroc = f"{row['auroc']:.3f} ({low:.3f} to {high:.3f})"
            counts = f"{row['positive']} / {row['negative']}"
            lines.append(f"{head} | {label} ({counts}) | {auroc} | {row['calibration_error']:.3f} |")
        if not found["labels"]:
            lines.append(f"{head} | none | | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=ROOT / "bundle/models/vit-small-nih14")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    predictor = Predictor.from_bundle(ROOT / "bundle", model_dir=arguments.model, enhance=False)
    results = {
        name: measure(predictor, arguments.data, read_rows(arguments.data, sources))
        for name, sources in SOURCES.items()
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "external.json").write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
