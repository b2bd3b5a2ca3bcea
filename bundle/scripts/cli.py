"""Command line: each subcommand only calls the library or a bundle workflow.

Heavy imports sit inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .app.serve_command import serve
from .common.atomic import SHARED, check_output_folder, output_mode
from .common.printable import printable
from .common.program_start import start_program
from .pacs.commands import DicomObject, Model, TlsCa, TlsCert, receive, watch
from .run_command import RUN_CONTEXT, RunCommand, run
from .sharing.sharing_commands import export, push


def _normal_name(name: str) -> str:
    """Spelling of an option or a command in this program, from that of a configuration, such as ``output_dir``."""
    spelled = name.replace("_", "-")
    return {"output-dir": "out", "model-dir": "model"}.get(spelled, spelled)


app = typer.Typer(
    help="Attention-guided super-resolution for multilabel chest-radiograph classification (research use only).",
    epilog="Any command: --debug shows the traceback of an error.",
    no_args_is_help=True,
    context_settings={"token_normalize_func": _normal_name},
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
_DEBUG = "--debug"


@app.callback()
def prepare(
    context: typer.Context,
    shared: Annotated[
        bool,
        typer.Option("--shared", help=f"outputs as the umask says, not for their owner alone; as {SHARED}=1"),
    ] = False,
) -> None:
    """Set what holds for the whole process, and the access mode of outputs, before a subcommand writes any."""
    start_program()
    context.with_resource(output_mode(shared))


app.command(cls=RunCommand, context_settings=RUN_CONTEXT)(run)
app.command()(watch)
app.command()(receive)
app.command()(serve)
app.command()(push)
app.command()(export)


class Layout(StrEnum):
    """Layouts of data sets on disk."""

    FOLDER = "folder"
    CSV = "csv"
    CHEXPERT = "chexpert"
    MIMIC = "mimic"
    NIH = "nih"
    VINDR = "vindr"
    RSNA = "rsna"
    PADCHEST = "padchest"


class Backend(StrEnum):
    """What runs the classifier."""

    TORCH = "torch"
    OPENVINO = "openvino"


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="output folder")] = Path("demo-output"),
) -> None:
    """Run the whole pipeline on synthetic studies, from DICOM to the report."""
    from .demo import run_demo

    run_demo(out)


@app.command()
def phantoms(
    out: Annotated[Path, typer.Argument(help="folder to make")],
    patients: Annotated[int, typer.Option(help="number of patients; 1.5 studies each", min=1)] = 240,
    fine_detail: Annotated[
        float, typer.Option(help="share of opacity and edema drawn as fine detail only", min=0, max=1)
    ] = 0.3,
    size: Annotated[int, typer.Option(help="side of the films, pixels", min=32)] = 1024,
    seed: Annotated[int, typer.Option(help="seed of the patients and of the split", min=0)] = 0,
) -> None:
    """Write synthetic studies with known findings, and their datalist."""
    from .data.building import build_from_csv
    from .data.datalist import write_datalist
    from .phantom import write_phantom_studies

    table = write_phantom_studies(out, n_patients=patients, size=size, seed=seed, fine_detail_fraction=fine_detail)
    datalist, failures = build_from_csv(table, seed=seed)
    write_datalist(datalist, out / "datalist.json")
    report_failures(failures, out / "failures.csv")


@app.command()
def predict(
    inputs: Annotated[list[Path] | None, typer.Argument(help="radiographs or folders of studies")] = None,
    *,
    out: Annotated[Path, typer.Option(help="output folder")],
    model: Model = None,
    enhance: Annotated[bool, typer.Option(help="super-resolve the attended regions")] = True,
    enhancer: Annotated[str | None, typer.Option(help="super-resolution method, see run enhancing --help")] = None,
    region_count: Annotated[int | None, typer.Option(min=1, help="maximum number of regions per film")] = None,
    window: Annotated[int | None, typer.Option(min=1, help="side of a region, pixels of the network's input")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, …; default: a GPU if there is one")] = None,
    backend: Annotated[Backend | None, typer.Option(help="what runs the classifier")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="images that the classifier sees at once")] = None,
    test_time_shift: Annotated[
        float | None, typer.Option(help="also read each film shifted to either side by this share of its size, as 0.03")
    ] = None,
    test_time_scale: Annotated[
        float | None, typer.Option(help="also read each film reduced and enlarged by this share, as 0.03")
    ] = None,
    dicom: Annotated[bool, typer.Option("--dicom", help="also write DICOM objects for a PACS, to OUT/dicom")] = False,
    dicom_object: DicomObject = None,
    dicomweb: Annotated[str | None, typer.Option(help="instead of INPUTS: DICOMweb root, with --study")] = None,
    study: Annotated[str | None, typer.Option(help="StudyInstanceUID")] = None,
    store: Annotated[bool, typer.Option("--store", help="store the DICOM objects in that PACS")] = False,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
) -> None:
    """Write probabilities (CSV, JSON), attention overlays and enhanced images; * marks a finding over its threshold."""
    if bool(inputs) == bool(dicomweb) or bool(dicomweb) != bool(study) or (store and not dicomweb):
        raise ValueError("predict: expected INPUTS, or --dicomweb with --study, found neither or a mixture; see --help")
    check_output_folder(out)
    from .inference.predictor import Predictor
    from .workflow import BUNDLE_ROOT, lock_output, start_log

    with lock_output(out, "inferring"):
        start_log()
        settings: dict[str, Any] = {"output_dir": out, "dicom": dicom or store, "tracking_uri": "none"}
        settings |= {"model_dir": model, "enhance": enhance, "enhancer": enhancer, "device": device}
        settings |= {"backend": backend, "batch_size": batch_size, "region_count": region_count, "window": window}
        settings |= {"test_time_shift": test_time_shift, "test_time_scale": test_time_scale}
        settings |= {"dicom_objects": dicom_object}
        settings = {key: value for key, value in settings.items() if value not in (None, [])}
        if dicomweb and study:
            from .pacs.dicomweb import DicomWeb
            from .pacs.session import Server
            from .pacs.single import predict_study

            pacs = DicomWeb(Server(dicomweb, tls_ca, tls_cert))
            predictor = Predictor.from_bundle(BUNDLE_ROOT, **settings)
            predict_study(pacs, study, predictor, out, dicom=dicom, store=store)
        else:
            predictor = Predictor.from_bundle(BUNDLE_ROOT, **settings)
            predictor.predict_to_folder(inputs or [], out, dicom=dicom)
        if (out / "failures.csv").exists():
            raise SystemExit(1)


@app.command()
def datalist(
    source: Annotated[Path, typer.Argument(help="folder of studies or of a public data set, or CSV of labels")],
    out: Annotated[Path, typer.Option(help="datalist to write (JSON)")],
    layout: Annotated[Layout, typer.Option(help="how the data lie on disk")] = Layout.FOLDER,
    labels: Annotated[str | None, typer.Option(help="comma-separated label columns; default: all")] = None,
    seed: Annotated[int, typer.Option(help="seed of the patient-level split", min=0)] = 0,
) -> None:
    """Write a datalist with a patient-level split."""
    import csv

    from .common.failures import write_failures
    from .data.building import build_from_csv, build_from_folder, build_from_layout
    from .data.class_distribution import format_class_table
    from .data.datalist import write_datalist

    chosen = [name.strip() for name in next(csv.reader([labels], skipinitialspace=True))] if labels else None
    if layout == Layout.CSV:
        built, failures = build_from_csv(source, labels=chosen, seed=seed)
    elif layout == Layout.FOLDER:
        if chosen:
            raise ValueError("--labels: a folder has none; expected it with another layout; name the CSV, --layout csv")
        built, failures = build_from_folder(source, seed=seed)
    else:
        built, failures = build_from_layout(layout, source, labels=chosen, seed=seed)
    table = out.with_name("failures.csv")
    if not any(built.splits.values()):
        write_failures(table, failures)
        raise ValueError(
            f"{source}: no usable image; expected at least one, found 0 and {len(failures)} rejected; see {table}"
        )
    write_datalist(built, out)
    print(format_class_table(built))
    report_failures(failures, table)


@app.command()
def check(
    datalist: Annotated[Path, typer.Argument(help="datalist to check")],
    full: Annotated[
        bool, typer.Option("--full", help="also read the files again whose size and time have not changed")
    ] = False,
) -> None:
    """Check a datalist: files, labels, patients and pixels across splits."""
    from .data.class_distribution import format_class_table
    from .data.datalist import load_datalist

    print(format_class_table(load_datalist(datalist, check_files=True, hash_again=full)))


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="folder with base/, enhanced/ and retrained/")],
    tracking: Annotated[
        str, typer.Option(help="runs that get the report: mlflow (sqlite in RUN_DIR), none, or an MLflow URI")
    ] = "mlflow",
) -> None:
    """Write report.html from what a pipeline left in RUN_DIR."""
    from .report.report import publish_report

    uri = None if tracking == "mlflow" else tracking
    print(printable(str(publish_report(run_dir, tracking_uri=uri))))


@app.command()
def info(as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False) -> None:
    """Show the version, the labels of the shipped model and the workflows."""
    from .workflow import CONFIG_DIR, WORKFLOWS

    metadata = json.loads((CONFIG_DIR / "metadata.json").read_text(encoding="utf-8"))
    facts = {
        "version": metadata["version"],
        "labels": list(metadata["network_data_format"]["outputs"]["pred"]["channel_def"].values()),
        "workflows": list(WORKFLOWS),
    }
    print(json.dumps(facts, indent=2) if as_json else "\n".join(f"{name}: {value}" for name, value in facts.items()))


def _expanded(argument: str) -> str:
    """Argument with the home folder in a path such as ``--out=~/x``, where a shell leaves the ``~``."""
    name, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return f"{name}{equals}{os.path.expanduser(value)}" if value.startswith("~") and len(value) > 1 else argument


def report_failures(failures: list, path: Path) -> None:
    """Write the rejected inputs to a table and exit with status 1; do nothing when there are none."""
    from collections import Counter

    from .common.failures import write_failures

    if failures:
        write_failures(path, failures)
        by_type = ", ".join(f"{code} {n}" for code, n in Counter(failure.code for failure in failures).most_common())
        print(printable(f"{len(failures)} inputs were rejected ({by_type}); reasons in {path}"), file=sys.stderr)
        raise SystemExit(1)


def main() -> None:
    """Run the command line; an error is one printable line, and with ``--debug`` a traceback."""
    arguments = [_expanded(argument) for argument in sys.argv[1:] if argument != _DEBUG]
    try:
        app(arguments)
    except Exception as error:
        if _DEBUG in sys.argv[1:]:
            raise
        from .error_line import error_line

        raise SystemExit(error_line(error, _DEBUG)) from error
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # how typer ends at Ctrl-C
            print("interrupted; nothing finished is lost: the same command continues", file=sys.stderr)
        raise
