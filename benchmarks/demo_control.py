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

from scripts.demo import _SEEDS, _make_studies  # noqa: E402
from scripts.evaluation.comparing import _probabilities  # noqa: E402
from scripts.evaluation.comparison import compare_models  # noqa: E402
from scripts.evaluation.predictions import read_predictions  # noqa: E402
from scripts.evaluation.seed_folders import seed_folder  # noqa: E402
from scripts.seed_runs import run_seeds  # noqa: E402
from scripts.workflow import merged_config  # noqa: E402

SETS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    data, base = out / "data", out / "base"
    _make_studies(data)
    overrides = {"dataset_dir": str(data), "output_dir": str(base), "tracking_uri": "none"}
    run_seeds("training", seeds=SETS * _SEEDS, overlays=["demo"], overrides=overrides)
    run_seeds("evaluating", overlays=["demo"], overrides=overrides)
    trainings = [read_predictions(seed_folder(base, seed)) for seed in range(SETS * _SEEDS)]
    labels, cases, _ = trainings[0]
    targets = np.asarray([case.targets for case in cases], dtype=np.float64)
    patients = np.asarray([case.group for case in cases])
    sets = _probabilities(trainings).reshape(SETS, _SEEDS, *targets.shape)
    bootstrap = merged_config("evaluating", ["demo"])["bootstrap"]
    false = 0
    for first, second in combinations(range(SETS), 2):
        comparison = compare_models(
            labels, sets[first], sets[second], targets, patients, seeds=range(_SEEDS), bootstrap=bootstrap
        )
        false += comparison["verdict"] in ("supported", "worse")
        print(f"set {first} against {second}: {comparison['verdict']}. {comparison['sentence']}", flush=True)
    print(f"{false} of {SETS * (SETS - 1) // 2} comparisons gave a false verdict")


if __name__ == "__main__":
    main()
