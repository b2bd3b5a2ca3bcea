"""Count false verdicts of the demo: compare trainings on the same, unchanged films as if one set were re-trained.

    python benchmarks/demo_control.py OUT

The classifier of ``python -m bundle demo`` is trained with twelve seeds on the unchanged phantoms. They make four sets
of three seeds, hence six comparisons in which nothing differs but the seeds. Each is made exactly as the demo makes its
own, with the same bootstrap; "supported" and "worse" are false verdicts. Finished trainings in OUT are not repeated.
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.demo import _make_studies  # noqa: E402
from scripts.evaluation.comparison import compare_models  # noqa: E402
from scripts.evaluation.predictions import read_predictions  # noqa: E402
from scripts.evaluation.seed_folders import seed_folder  # noqa: E402
from scripts.seed_runs import run_seeds  # noqa: E402

SETS, SEEDS = 4, 3
BOOTSTRAP = 200  # as in configs/demo.yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    data, base = out / "data", out / "base"
    data.mkdir(parents=True, exist_ok=True)
    _make_studies(data)
    overrides = {"dataset_dir": str(data), "output_dir": str(base), "tracking_uri": "none"}
    run_seeds("training", seeds=SETS * SEEDS, overlays=["demo"], overrides=overrides)
    run_seeds("evaluating", overlays=["demo"], overrides=overrides)
    probabilities = []
    for seed in range(SETS * SEEDS):
        labels, cases, _ = read_predictions(seed_folder(base, seed))
        probabilities.append([case.probabilities for case in cases])
    targets = np.asarray([case.targets for case in cases], dtype=np.float64)
    patients = np.asarray([case.group for case in cases])
    sets = np.asarray(probabilities, dtype=np.float64).reshape(SETS, SEEDS, *targets.shape)
    false = 0
    for first, second in combinations(range(SETS), 2):
        comparison = compare_models(
            labels, sets[first], sets[second], targets, patients, seeds=range(SEEDS), bootstrap=BOOTSTRAP
        )
        false += comparison["verdict"] in ("supported", "worse")
        print(f"set {first} against {second}: {comparison['verdict']}. {comparison['sentence']}", flush=True)
    print(f"{false} of {SETS * (SETS - 1) // 2} comparisons gave a false verdict")


if __name__ == "__main__":
    main()
