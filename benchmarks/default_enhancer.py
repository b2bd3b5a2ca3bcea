"""Which enhancer, and which share of the sampled detail, is the default? The rule of design.md, by patient.

    python benchmarks/sr_studies.py DATA/cxr outputs/sr-data
    python benchmarks/default_enhancer.py DATA/cxr outputs/sr-data outputs/default-enhancer

Films of the test split are never read. The networks are the shipped ones. They have seen most of the originals of the
other splits (truth of 1024 and of 512 pixels) and none of the films of 448 pixels that are read here, whose patients
were not in their training. The choice is cross-validated by patient: it is made without one fold, and what was chosen
is measured on that fold. Finished films are kept in the last folder, and the same command continues. It also writes the
``gain.json`` of the chosen gain of ``ldm`` there.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bundle.scripts.common.atomic import write_json
from bundle.scripts.dicom import read_radiograph
from bundle.scripts.experiments.kit.paired_statistics import mean_interval
from bundle.scripts.experiments.sr_evaluation.default_rule import missed_conditions, rule_metrics
from bundle.scripts.experiments.sr_evaluation.gain_choice import AllGains
from bundle.scripts.experiments.sr_evaluation.spectrum import compare_spectra
from bundle.scripts.experiments.sr_evaluation.sr_protocol import make_case
from bundle.scripts.experiments.sr_evaluation.sr_scores import generator_of, regions_of
from bundle.scripts.super_resolution.enhancers.latent_diffusion import parts_of
from bundle.scripts.super_resolution.enhancers.registry import make_enhancer
from bundle.scripts.super_resolution.networks.weight_folder import hash_parts

MODEL = Path(__file__).resolve().parents[1] / "bundle" / "models" / "ldm-sr-nih"
BASELINE, MARGIN = "bicubic", 0.5  # decibels
FOLDS, WINDOW = 5, 56  # side of a region, in pixels of the input
METRICS = ("psnr", "ssim", "hallucination_rate", "loss_rate")
Row = dict[str, Any]


def films(source: Path, trained: Path, originals: int, count: int) -> Iterator[tuple[Path, str, Sequence[int]]]:
    """Path, patient and sizes: films of patients that were not in the training, and originals, unseen ones first."""
    with (source / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "nih_chestxray14" and row["split"] != "test"]
    with (trained / "labels.csv").open() as file:
        seen = {row["patient_id"] for row in csv.DictReader(file) if row["split"] == "train"}
    small = [row for row in rows if row["patient_id"] not in seen and not row["hr_image"]]
    for index in np.random.default_rng(0).permutation(len(small))[:count]:
        yield source / small[index]["image"], small[index]["patient_id"], (448,)
    large = sorted((row for row in rows if row["hr_image"]), key=lambda row: row["patient_id"] in seen)
    for row in large[:originals]:
        yield source / row["hr_image"], row["patient_id"], (1024, 512)


def make_candidates(gains: dict[str, list[float]]) -> list[tuple[Any, list[str]]]:
    """Enhancers, each with the names of its results."""
    found: list[tuple[Any, list[str]]] = [
        (make_enhancer(name, folder=MODEL), [name]) for name in (BASELINE, "residual")
    ]
    for name, values in gains.items():
        enhancer = make_enhancer(name, folder=MODEL, gain=1.0)
        found.append((AllGains(enhancer, values), [f"{name} {gain:g}" for gain in values]))  # type: ignore[arg-type]
    return found


def measure(candidates: list[tuple[Any, list[str]]], path: Path, size: int, count: int) -> dict[str, Row]:
    """Metrics of every candidate on one film, means over its regions."""
    case = make_case(torch.from_numpy(read_radiograph(path).image), size, window=WINDOW, count=count)
    if case is None:
        return {}
    truths, inputs = regions_of(case)
    found: dict[str, Row] = {}
    for enhancer, names in candidates:
        generators = [generator_of(case, enhancer, index, 0) for index in range(len(inputs))]
        started = time.process_time()
        results = enhancer.enhance(torch.stack(inputs), generators=generators).clamp(0, 1)
        seconds = (time.process_time() - started) / len(inputs)
        for channel, name in enumerate(names):
            images = list(results[:, channel, None])
            spectrum = compare_spectra(list(zip(images, truths, strict=True)))["nps_distance_db"]
            found[name] = {**rule_metrics(images, truths), "spectrum": spectrum, "seconds": seconds}
    return found


def differences(rows: list[Row], name: str) -> dict[str, np.ndarray]:
    """Metric -> differences from bicubic, of one candidate."""
    return {key: np.array([row["found"][name][key] - row["found"][BASELINE][key] for row in rows]) for key in METRICS}


def missed(rows: list[Row], name: str) -> dict[int, list[str]]:
    """Size -> conditions of the rule that a candidate does not satisfy."""
    result = {}
    for size in sorted({row["size"] for row in rows}):
        own = [row for row in rows if row["size"] == size]
        result[size] = missed_conditions(differences(own, name), [row["patient"] for row in own], MARGIN)
    return result


def mean_of(rows: list[Row], name: str, key: str) -> float:
    """Mean over the sizes of the means over their films."""
    sizes = {row["size"] for row in rows}
    return float(np.mean([np.mean([r["found"][name][key] for r in rows if r["size"] == size]) for size in sizes]))


def choose(rows: list[Row]) -> str:
    """Candidate that satisfies the rule at every size, with the nearest noise spectrum, then the faster one.

    Spectra that are equal to 0.1 dB are equally near, and one that is not a number is the farthest. Bicubic is chosen
    if no candidate satisfies the rule.
    """
    allowed = [name for name in rows[0]["found"] if name != BASELINE and not any(missed(rows, name).values())]

    def order(name: str) -> tuple[float, float]:
        spectrum = round(mean_of(rows, name, "spectrum"), 1)
        return np.inf if np.isnan(spectrum) else spectrum, mean_of(rows, name, "seconds")

    return min(allowed, key=order, default=BASELINE)


def report(rows: list[Row]) -> str:
    """Table of all candidates by size, the choice, and its cross-validation."""
    lines = []
    for size in sorted({row["size"] for row in rows}, reverse=True):
        own = [row for row in rows if row["size"] == size]
        lines.append(f"{size} pixels, {len(own)} films of {len({row['patient'] for row in own})} patients")
        for name in own[0]["found"]:
            text = f"  {name:13}"
            for key, factor in zip(METRICS, (1, 1, 100, 100), strict=True):
                values = factor * differences(own, name)[key]
                low, high = mean_interval(values, [row["patient"] for row in own], 1000, 0) or [np.nan, np.nan]
                text += f"  {key} {values.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            spectrum, seconds = (mean_of(own, name, key) for key in ("spectrum", "seconds"))
            lines.append(f"{text}  spectrum {spectrum:.2f}  {seconds:.2f} s  missed: {missed(own, name)[size]}")
    chosen = choose(rows)
    lines.append(
        f"choice by the rule: {chosen}, mean error of the noise spectrum {mean_of(rows, chosen, 'spectrum'):.2f}"
    )
    patients = np.random.default_rng(0).permutation(sorted({row["patient"] for row in rows}))
    for fold in range(FOLDS):
        left_out = set(patients[fold::FOLDS])
        without, inside = ([row for row in rows if (row["patient"] in left_out) == held] for held in (False, True))
        found = choose(without)
        means = {key: float(differences(inside, found)[key].mean()) for key in METRICS}
        lines.append(
            f"  without fold {fold}: {found}; on it: " + json.dumps({k: round(v, 4) for k, v in means.items()})
        )
    return "\n".join(lines)


def write_gain(rows: list[Row], folder: Path) -> None:
    """Write ``gain.json`` for the model folder, with the differences that the choice was made by."""
    gain, sizes = float(choose(rows).removeprefix("ldm ")), sorted({row["size"] for row in rows})
    names = [name for name in rows[0]["found"] if name.startswith("ldm ")]
    above: dict[str, dict[str, float]] = {}
    for size in sizes:
        own = [row for row in rows if row["size"] == size]
        above[str(size)] = {name.split()[1]: float(differences(own, name)["psnr"].mean()) for name in names}
    weights = hash_parts(*parts_of(MODEL))
    rule = "qualified enhancer with the nearest noise spectrum, benchmarks/default_enhancer.py"
    films = {str(size): sum(row["size"] == size for row in rows) for size in sizes}
    content = {"gain": gain, "weights": weights, "rule": rule, "films": films, "psnr_above_bicubic": above}
    write_json(folder / "gain.json", content)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with labels.csv and the films")
    parser.add_argument("trained", type=Path, help="folder that sr_studies.py wrote, for the patients of the training")
    parser.add_argument("out", type=Path)
    parser.add_argument("--originals", type=int, default=49, help="originals, of which the first three are unseen")
    parser.add_argument("--films", type=int, default=40, help="films of 448 pixels")
    parser.add_argument("--regions", type=int, default=4, help="regions of a film, from corner to corner")
    parser.add_argument("--ldm", type=float, nargs="+", default=[0.3, 0.4, 0.5, 0.6, 0.7])
    parser.add_argument("--resshift", type=float, nargs="+", default=[1.0])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "rows.jsonl"
    rows: list[Row] = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    done = {(row["film"], row["size"]) for row in rows}
    candidates = make_candidates({"ldm": arguments.ldm, "resshift": arguments.resshift})
    for film, patient, sizes in films(arguments.source, arguments.trained, arguments.originals, arguments.films):
        for size in sizes:
            found = {} if (film.name, size) in done else measure(candidates, film, size, arguments.regions)
            if found:
                rows.append({"film": film.name, "patient": patient, "size": size, "found": found})
                with path.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    print(report(rows))
    if choose(rows).startswith("ldm "):
        write_gain(rows, arguments.out)


if __name__ == "__main__":
    main()
