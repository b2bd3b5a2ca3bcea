"""Steps of the pipeline whose results a run folder does not have, each with the command that makes them."""

from __future__ import annotations

from .gather import ModelResults, ReportInputs
from .report_tables import fidelity_rows

_NAMES = {"base": "base model", "retrained": "re-trained model"}


def steps_not_run(inputs: ReportInputs) -> list[str]:
    """Lines for the list at the end of the report.

    Args:
        inputs: results of the run.
    """
    steps = []
    for name, model in (("base", inputs.base), ("retrained", inputs.retrained)):
        steps += [f"{step} of the {_NAMES[name]}{command}" for step, command in _of_model(name, model)]
    compared = {
        "the paired comparison (run evaluating on the same test split for both, with --base_dir for the second)": (
            inputs.comparison
        ),
        "enhancement (run enhancing)": inputs.manifest,
        "the example figures (enhanced/examples; run enhancing)": inputs.overlays or inputs.panels,
        "the class distribution (written when training starts)": inputs.class_distribution,
        "the comparison of enhancers with a known truth (run sr_evaluating)": inputs.super_resolution,
        "the experiment with its controls (run ablating)": inputs.ablation,
        "the comparison of the maps with annotated findings (run explaining)": inputs.explanation,
        "the record of the training (run_report.json), so that versions, settings, seeds and the hash of the data are "
        "unknown": inputs.run_report,
    }
    unmeasured = inputs.manifest and not fidelity_rows(inputs.manifest)
    steps += [f"PSNR and SSIM of the {len(inputs.manifest)} enhanced images"] if unmeasured else []
    return steps + [step for step, found in compared.items() if not found]


def _of_model(name: str, model: ModelResults) -> list[tuple[str, str]]:
    """Steps of one model, each with its command."""
    command = "training" if name == "base" else "retraining"
    steps = [] if model.history else [("training", f" (run {command})")]
    if not model.metrics:
        return [*steps, ("evaluation", " (run evaluating)")]
    if "subgroups" not in model.metrics:
        return [*steps, ("calibration and subgroups", " (evaluated by an earlier version; run evaluating again)")]
    if not model.metrics["subgroups"]:
        steps.append(("subgroups", ": the datalist contains no sex, age, view or source"))
    if not model.metrics["calibrated"]:
        steps.append(("calibration", " (run calibrating, then evaluating again; its probabilities are raw)"))
    return steps
