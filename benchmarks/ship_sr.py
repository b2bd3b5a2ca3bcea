"""Add the model folder of ``sr_training`` to the one that ships: its parts, its gain, provenance with figures.

    python benchmarks/ship_sr.py outputs/sr bundle/models/ldm-sr-nih outputs/sr-test

The last folders are those of ``sr_evaluation`` on the test split; their figures are kept by the name of the folder.
``gain.json`` comes from ``default_enhancer.py``. Parts that the run does not have stay. The enhancer ``resshift`` uses
``regression/`` where ``resshift/`` has none of its own, so the same weights are kept once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.common.atomic import write_json  # noqa: E402
from scripts.super_resolution.networks.weight_folder import hash_parts  # noqa: E402

PARTS = ("regression", "unet", "vqvae", "scheduler", "resshift", "guided")
MEASURES = (
    "psnr_truth_region",
    "ssim_truth_region",
    "nps_distance_db",
    "hallucination_rate",
    "loss_rate",
    "consistency_min_db",
)
TRAIN = "python -m bundle run sr_training --dataset_dir outputs/sr-data --crops_per_megapixel 100"
OF_A_RUN = ("settings", "versions", "date", "figures")
ORIGIN = {
    "name": "ldm-sr-nih",
    "task": "x4 super-resolution of radiograph regions, one channel; research only",
    "licence": "Apache-2.0",
    "data": "NIH ChestX-ray14, training patients of a published selection: 46 images at 1024 x 1024, the same at half "
    "size, 600 at 448 x 448 (JPEG); attribution in docs/data_license.txt",
    "commands": [
        "python benchmarks/sr_studies.py DATA/cxr outputs/sr-data",
        "python -m bundle datalist outputs/sr-data/labels.csv --layout csv --out outputs/sr-data/datalist.json",
        f"{TRAIN} --output_dir outputs/sr-pilot --stages \"['regression']\" --regression_minutes 6",
        f"{TRAIN} --output_dir outputs/sr --stages \"['regression']\" --regression_minutes 10 --learning_rate 4e-4 "
        "--start_from outputs/sr-pilot",
        f"{TRAIN} --output_dir outputs/sr --stages \"['autoencoder','diffusion']\" --autoencoder_minutes 9 "
        "--diffusion_minutes 42",
        f"{TRAIN} --output_dir outputs/sr --stages \"['resshift']\" --resshift_minutes 30",
        "python -m bundle run sr_training --dataset_dir outputs/sr-data --start_from bundle/models/ldm-sr-nih "
        "--output_dir outputs/sr-guided --stages \"['guided']\" --max_steps 250 --guided_minutes 1000 "
        "--crops_per_megapixel 60 --learning_rate 3e-4 --average_decay 0.99 (a tenth of the 448-pixel films)",
    ],
    "hardware": "two cores of a Xeon with AMX for the first training (fp32), one core for the others (bf16)",
}


def figures(evaluation: Path) -> dict[str, Any]:
    """Size of the truth -> enhancer -> measure, with its difference to bicubic and 95 % interval by patient."""
    summary = json.loads((evaluation / "sr_evaluation.json").read_text())["summary"]
    return {
        size: {name: {measure: row[measure] for measure in MEASURES} for name, row in rows.items()}
        for size, rows in summary.items()
    }


def copy_parts(run: Path, out: Path) -> None:
    """Copy the parts of a run, with the regression network of ``resshift/`` only if it differs from ``regression/``."""
    own, shared = out / "resshift" / "regression", out / "regression"
    if own.parent.is_dir() and not own.is_dir():  # a new regression network must not take the place of this one
        shutil.copytree(shared, own)
    for part in PARTS:
        if (run / part).is_dir():
            shutil.copytree(run / part, out / part, dirs_exist_ok=True)
    if own.is_dir() and shared.is_dir() and hash_parts(own) == hash_parts(shared):
        shutil.rmtree(own)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("evaluations", type=Path, nargs="+")
    arguments = parser.parse_args()
    copy_parts(arguments.run, arguments.out)
    path = arguments.out / "provenance.json"
    earlier = json.loads(path.read_text()) if path.is_file() else {}
    trained = json.loads((arguments.run / "provenance.json").read_text())
    merged = {"steps": {**earlier.get("steps", {}), **trained["steps"]}}
    tested = {evaluation.name: figures(evaluation) for evaluation in arguments.evaluations}
    stages = {stage: {key: trained[key] for key in OF_A_RUN} for stage in trained["steps"]}
    merged |= {"stages": {**earlier.get("stages", {}), **stages}, "test": {**earlier.get("test", {}), **tested}}
    write_json(path, {**trained, **earlier, **ORIGIN, **merged})
    size = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file()) / 1e6
    print(f"{arguments.out}: {size:.1f} MB")


if __name__ == "__main__":
    main()
