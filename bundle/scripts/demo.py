"""The whole pipeline on synthetic studies: phantoms → train → explain → enhance → re-train → evaluate → report.

Base and re-trained model are trained with three seeds each, so that the verdict and its control come from the demo
itself. So that this takes minutes, their first blocks stay those of the shipped classifier, and there are three epochs.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

from .common.printable import printable
from .evaluation.seed_folders import seed_folder
from .seed_runs import run_seeds
from .workflow import lock_output, run_workflow

logger = logging.getLogger(__name__)

_PATIENTS = 200
_STUDY_SIZE = 1024
_SEEDS = 3


def run_demo(out: Path) -> None:
    """Run all stages and print the path of the report.

    Args:
        out: output folder; stages that were finished in it are not repeated.

    Raises:
        ValueError: another demo is writing to the folder.
    """
    with lock_output(out, "demo"):
        _run_stages(out)


def _run_stages(out: Path) -> None:
    """Run all stages in a folder that no other demo is using."""
    from .evaluation.comparison_table import format_comparison_table
    from .report.gather import EXPLANATION_FOLDER
    from .report.map_section import coverage_sentences
    from .report.report import publish_report
    from .tracking import default_uri, ui_command

    started = time.monotonic()
    data, base, enhanced, retrained = (out / name for name in ("data", "base", "enhanced", "retrained"))
    explanation = out / EXPLANATION_FOLDER
    common = {"dataset_dir": str(data)}
    _stage("1/8  synthetic DICOM studies", lambda: _make_studies(data))
    _stage("2/8  train the classifier, with three seeds", lambda: _train("training", out=base, **common))
    first = seed_folder(base, 0)  # its maps and regions
    _stage("3/8  compare its maps with the findings", lambda: _explain(first, explanation, **common))
    _stage("4/8  enhance the attended regions", lambda: enhance(first, enhanced, **common))
    retraining = {"dataset_dir": str(enhanced), "base_dir": str(base)}
    _stage("5/8  re-train on the enhanced images", lambda: _train("retraining", out=retrained, **retraining))
    _stage("6/8  calibrate both", lambda: _calibrate({first: data, seed_folder(retrained, 0): enhanced}))
    _stage("7/8  evaluate both", lambda: _evaluate(data, base, enhanced, retrained))
    report = _stage("8/8  report", lambda: publish_report(out, synthetic=True))
    print("\nSYNTHETIC data: these numbers show that the pipeline runs; they say nothing about radiographs.")
    print(format_comparison_table(json.loads((out / "comparison.json").read_text(encoding="utf-8"))))
    print("\n".join(coverage_sentences(json.loads((explanation / "explanation.json").read_text(encoding="utf-8")))))
    print(printable(f"report: {report}"))
    print(printable(f"runs:   {ui_command(default_uri(base))}"))
    print(f"time:   {time.monotonic() - started:.0f} s")


def _stage(title, action):  # type: ignore[no-untyped-def]
    """Print a heading, run the stage, print its time."""
    print(f"== {title}", flush=True)
    started = time.monotonic()
    result = action()
    print(f"   {time.monotonic() - started:.0f} s", flush=True)
    return result


def _make_studies(folder: Path) -> None:
    """Write phantoms and their datalist unless they exist."""
    from .data.building import build_from_csv
    from .data.datalist import write_datalist
    from .phantom import write_phantom_studies

    if (folder / "datalist.json").exists():
        return
    table = write_phantom_studies(folder, n_patients=_PATIENTS, size=_STUDY_SIZE)
    datalist, _ = build_from_csv(table, seed=0)
    write_datalist(datalist, folder / "datalist.json")


def _train(workflow: str, *, out: Path, **overrides: str) -> None:
    """Train a classifier with every seed."""
    run_seeds(workflow, seeds=_SEEDS, overlays=["demo"], overrides={"output_dir": str(out), **overrides})


def _explain(base: Path, out: Path, *, dataset_dir: str) -> None:
    """Compare the maps of the base model with the boxes of the test split, unless that was done."""
    if (out / "explanation.json").exists():
        return
    overrides = {"model_dir": str(base / "model"), "output_dir": str(out), "dataset_dir": dataset_dir}
    run_workflow("explaining", overlays=["demo"], overrides=overrides)


def enhance(base: Path, out: Path, *, dataset_dir: str) -> None:
    """Enhance every split."""
    overrides = {"base_dir": str(base), "output_dir": str(out), "dataset_dir": dataset_dir}
    run_workflow("enhancing", overlays=["demo"], overrides=overrides)


def _calibrate(data_of: dict[Path, Path]) -> None:
    """Calibrate each model, one seed of it, on its own version of the validation split."""
    from .tracking import default_uri

    for model, data in data_of.items():
        overrides = {"output_dir": str(model), "dataset_dir": str(data), "cache_dir": str(model.parent / "cache")}
        overrides["tracking_uri"] = default_uri(model.parent)
        run_workflow("calibrating", overlays=["demo"], overrides=overrides)


def _evaluate(data: Path, base: Path, enhanced: Path, retrained: Path) -> None:
    """Evaluate each model on its own version of the same test cases."""
    run_seeds("evaluating", overlays=["demo"], overrides={"output_dir": str(base), "dataset_dir": str(data)})
    overrides = {"output_dir": str(retrained), "dataset_dir": str(enhanced), "base_dir": str(base)}
    run_seeds("evaluating", overlays=["demo"], overrides=overrides)
