"""Command line: each subcommand only calls the library or a bundle workflow.

Heavy imports sit inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Attention-guided super-resolution for multilabel chest-radiograph classification (research use only).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
FREE = {"allow_extra_args": True, "ignore_unknown_options": True}


class Layout(StrEnum):
    """How data lie on disk."""

    FOLDER = "folder"
    CSV = "csv"
    CHEXPERT = "chexpert"
    MIMIC = "mimic"
    NIH = "nih"
    VINDR = "vindr"
    RSNA = "rsna"
    PADCHEST = "padchest"


@app.command(context_settings=FREE)
def run(
    context: typer.Context,
    workflow: Annotated[
        str, typer.Argument(help="training, enhancing, retraining, evaluating, inferring, sr_training, sr_evaluation")
    ],
    overlay: Annotated[list[str], typer.Option(help="paper, demo or multi_gpu; may be repeated")] = [],  # noqa: B006
    tracking: Annotated[str, typer.Option(help="mlflow (sqlite beside the output), none, or an MLflow URI")] = "mlflow",
) -> None:
    """Run a workflow of the bundle; any configuration key can be set with --key value."""
    from .workflow import parse_overrides, run_workflow

    overrides = parse_overrides(context.args)
    if tracking != "mlflow":
        overrides["tracking_uri"] = tracking
    run_workflow(workflow, overlays=overlay, overrides=overrides)


@app.command()
def demo(out: Annotated[Path, typer.Option(help="output folder")] = Path("demo-output")) -> None:
    """Run the whole pipeline on synthetic studies, from DICOM to the report."""
    from .demo import run_demo

    run_demo(out)


@app.command()
def predict(
    inputs: Annotated[list[Path], typer.Argument(help="radiographs or folders of studies")],
    out: Annotated[Path, typer.Option(help="output folder")],
    model: Annotated[Path | None, typer.Option(help="model folder; default: the shipped one")] = None,
    dicom: Annotated[bool, typer.Option("--dicom", help="also write DICOM objects for a PACS, to OUT/dicom")] = False,
) -> None:
    """Write probabilities (CSV, JSON), attention overlays and enhanced images."""
    from .workflow import run_workflow

    overrides: dict = {"inputs": [str(path) for path in inputs], "output_dir": str(out), "tracking_uri": "none"}
    if model is not None:
        overrides["model_dir"] = str(model)
    if dicom:
        overrides["dicom"] = True
    run_workflow("inferring", overrides=overrides)
    if (out / "failures.csv").exists():
        raise SystemExit(1)


@app.command()
def datalist(
    source: Annotated[Path, typer.Argument(help="folder of studies or of a public data set, or CSV of labels")],
    out: Annotated[Path, typer.Option(help="datalist to write (JSON)")],
    layout: Annotated[Layout, typer.Option(help="how the data lie on disk")] = Layout.FOLDER,
    labels: Annotated[str | None, typer.Option(help="comma-separated label columns; default: all")] = None,
    seed: Annotated[int, typer.Option(help="seed of the patient-level split")] = 0,
) -> None:
    """Write a datalist with a patient-level split."""
    from .data.building import build_from_csv, build_from_folder, build_from_layout
    from .data.class_distribution import format_class_table
    from .data.datalist import write_datalist

    chosen = labels.split(",") if labels else None
    if layout == Layout.CSV:
        built, failures = build_from_csv(source, labels=chosen, seed=seed)
    elif layout == Layout.FOLDER:
        if chosen:
            raise ValueError("--labels: a folder has none; expected it with another layout; name the CSV, --layout csv")
        built, failures = build_from_folder(source, seed=seed)
    else:
        built, failures = build_from_layout(layout, source, labels=chosen, seed=seed)
    write_datalist(built, out)
    print(format_class_table(built))
    report_failures(failures, out.with_name("failures.csv"))


@app.command()
def check(datalist: Annotated[Path, typer.Argument(help="datalist to check")]) -> None:
    """Check a datalist: files, labels, patients and pixels across splits."""
    from .data.class_distribution import format_class_table
    from .data.datalist import load_datalist

    print(format_class_table(load_datalist(datalist, check_files=True)))


@app.command()
def report(run_dir: Annotated[Path, typer.Argument(help="folder with base/, enhanced/ and retrained/")]) -> None:
    """Write report.html from what a pipeline left in RUN_DIR."""
    from .evaluation.report import publish_report

    print(publish_report(run_dir))


@app.command()
def info(as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False) -> None:
    """Show the version, the labels of the shipped model and the workflows."""
    from .workflow import CONFIG_DIR, WORKFLOWS

    metadata = json.loads((CONFIG_DIR / "metadata.json").read_text())
    facts = {
        "version": metadata["version"],
        "labels": list(metadata["network_data_format"]["outputs"]["pred"]["channel_def"].values()),
        "workflows": list(WORKFLOWS),
    }
    print(json.dumps(facts, indent=2) if as_json else "\n".join(f"{name}: {value}" for name, value in facts.items()))


def report_failures(failures: list, path: Path) -> None:
    """Write refused inputs and leave with status 1, or do nothing when there are none."""
    from collections import Counter

    from .data.failures import write_failures

    if failures:
        write_failures(path, failures)
        by_type = ", ".join(f"{code} {n}" for code, n in Counter(failure.code for failure in failures).most_common())
        print(f"{len(failures)} inputs were refused ({by_type}); reasons in {path}", file=sys.stderr)
        raise SystemExit(1)


def main() -> None:
    """Run the command line; a known error is one line, not a trace."""
    try:
        app()
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"error: {error}") from error
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # how typer ends at Ctrl-C
            print("interrupted; nothing finished is lost: the same command continues", file=sys.stderr)
        raise
