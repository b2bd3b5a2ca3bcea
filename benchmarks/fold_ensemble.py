"""Three folds on phantoms: macro-AUROC and calibration error of each network and of all as one.

python benchmarks/fold_ensemble.py outputs/fold-ensemble [--patients 200] [--epochs 2]

The networks are those of the demo: the shipped classifier, trained further at 112 pixels. Nothing is chosen by the test
split, which only reports.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bundle.scripts.common.text_file import read_json
from bundle.scripts.data.building import build_from_csv
from bundle.scripts.data.datalist import write_datalist
from bundle.scripts.fold_runs import measure_folds, run_folds
from bundle.scripts.phantom import write_phantom_studies
from bundle.scripts.workflow import run_workflow

_FOLDS = 3
_MOVED = {"test_time_shift": 0.03, "test_time_scale": 0.03}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=2)
    settings = parser.parse_args()
    data, folds = settings.out / "data", settings.out / "folds"
    if not (data / "datalist.json").exists():
        datalist, _ = build_from_csv(write_phantom_studies(data, n_patients=settings.patients, size=256, seed=0))
        write_datalist(datalist, data / "datalist.json")
    shared = {"dataset_dir": str(data), "tracking_uri": "none", "cache_dir": str(settings.out / "cache")}
    run_folds(_FOLDS, overlays=["demo"], overrides={**shared, "output_dir": str(folds), "max_epochs": settings.epochs})

    def run(workflow: str, name: str, model: Path, **own: object) -> Path:
        """Run a workflow with the output folder ``name``, which it returns."""
        out = settings.out / name
        run_workflow(workflow, overrides={**shared, "output_dir": str(out), "model_dir": str(model), **own})
        return out

    rows = {}
    for model in [folds / f"fold_{number}" / "model" for number in range(_FOLDS)]:
        (model / "thresholds.json").unlink(missing_ok=True)  # of an earlier run
    run("calibrating", "one", folds, novelty_images=0)
    rows["all as one"] = run("evaluating", "one", folds, bootstrap=200)
    rows["all as one, five views"] = run("evaluating", "moved", folds, bootstrap=0, **_MOVED)
    for number in range(_FOLDS):
        model = folds / f"fold_{number}" / "model"
        run("calibrating", f"member_{number}", model, novelty_images=0)
        rows[f"network {number}"] = run("evaluating", f"member_{number}", model, bootstrap=0)
    run("calibrating", "calibrated", folds, novelty_images=0)
    rows["all as one, each calibrated"] = run("evaluating", "calibrated", folds, bootstrap=0)
    measure_folds("evaluating", overrides={**shared, "output_dir": str(folds), "bootstrap": 0})

    print(f"{'':30}{'macro-AUROC':>12}{'error':>8}{'calibrated':>12}")
    for name, out in rows.items():
        report = read_json(out / "metrics.json", "metrics", "run this again")
        macro, calibrated = report["macro"], report["calibrated"]["macro"]
        print(
            f"{name:30}{macro['auroc']:12.3f}{macro['calibration_error']:8.3f}{calibrated['calibration_error']:12.3f}"
        )
    macro = read_json(rows["all as one"] / "metrics.json", "metrics", "run this again")["macro"]
    result = read_json(folds / "cross_validation.json", "the cross-validation", "run this again")
    each = ", ".join(f"{row['auroc']:.3f}" for row in result["folds"].values())
    print(f"95 % interval of all as one: {macro['auroc_ci']}; cross-validated: {result['macro_auroc']:.3f} ({each})")


if __name__ == "__main__":
    main()
