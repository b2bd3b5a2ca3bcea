"""Does pasting findings (``--mix_findings``) help labels that are rare in training? Phantoms, pairs of seeds.

    python benchmarks/finding_mixing.py --rare Pneumonia Atelectasis "Pleural Effusion"

260 synthetic patients are made, and all training films with one of the rare labels but the first four are left out. The
shipped classifier is trained further as in the demo, with three seeds, without and with the option. It prints AUROC and
average precision of the rare labels on the test films, and the differences of the seeds. Phantoms say nothing about
radiographs. About three minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bundle.scripts.data.building import build_from_csv
from bundle.scripts.data.datalist import write_datalist
from bundle.scripts.phantom import write_phantom_studies
from bundle.scripts.seed_runs import run_seeds
from bundle.scripts.workflow import run_workflow

_PATIENTS, _SIZE, _KEPT = 260, 512, 4
_METRICS = ("auroc", "average_precision")


def write_data(folder: Path, rare: list[str]) -> None:
    """Write phantoms with few training films of the rare labels."""
    datalist, _ = build_from_csv(write_phantom_studies(folder, n_patients=_PATIENTS, size=_SIZE), seed=0)
    kept, seen = [], dict.fromkeys(rare, 0)
    for item in datalist.splits["training"]:
        own = [label for label in rare if item["label"][datalist.labels.index(label)] == 1]
        if all(seen[label] < _KEPT for label in own):
            kept.append(item)
            seen.update({label: seen[label] + 1 for label in own})
    datalist.splits["training"] = kept
    write_datalist(datalist, folder / "datalist.json")


def train(data: Path, out: Path, probability: float, seeds: int, rare: list[str]) -> np.ndarray:
    """Train with each seed; metrics (seeds, rare labels, 2) of the test split."""
    common = {"dataset_dir": str(data), "cache_dir": str(data.parent / "cache"), "tracking_uri": "none"}
    training = {**common, "output_dir": str(out), "mix_findings": probability}
    run_seeds("training", seeds=seeds, overlays=["demo"], overrides=training)
    found = []
    for seed in range(seeds):
        folder = out / f"seed_{seed}"
        run_workflow("evaluating", overlays=["demo"], overrides={**common, "output_dir": str(folder), "bootstrap": 0})
        labels = json.loads((folder / "metrics.json").read_text())["labels"]
        found.append([[labels[label][metric] for metric in _METRICS] for label in rare])
    return np.array(found)


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rare", nargs="+", default=["Pneumonia", "Atelectasis", "Pleural Effusion"])
    parser.add_argument("--probability", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_data(data, arguments.rare)
        without, mixed = (
            train(data, Path(folder) / name, probability, arguments.seeds, arguments.rare)
            for name, probability in (("without", 0.0), ("mixed", arguments.probability))
        )
    for index, metric in enumerate(_METRICS):
        difference = (mixed - without)[..., index].mean(axis=1)  # (seeds,)
        print(
            f"{metric}: without {without[..., index].mean():.3f}, with {mixed[..., index].mean():.3f}, difference "
            f"{difference.mean():+.3f}, of the seeds {', '.join(f'{value:+.3f}' for value in difference)}"
        )


if __name__ == "__main__":
    main()
