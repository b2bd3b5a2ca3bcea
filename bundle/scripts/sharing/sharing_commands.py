"""Commands that share a model: ``push`` and ``export``. Heavy imports sit inside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..common.printable import printable
from ..workflow_settings import SHIPPED_MODEL


class ExportFormat(StrEnum):
    """Formats of an exported model."""

    ONNX = "onnx"
    TORCHSCRIPT = "torchscript"
    OPENVINO = "openvino"


def push(
    folder: Annotated[Path, typer.Argument(help="model folder that training wrote")],
    repo: Annotated[str, typer.Argument(help="repository on the hub: owner/name")],
    evaluation: Annotated[Path | None, typer.Option(help="folder of evaluating, whose metrics the card shows")] = None,
    licence: Annotated[str | None, typer.Option("--license", help="such as apache-2.0; default: the model's")] = None,
    data: Annotated[str | None, typer.Option(help="what the training data are; default: what the model says")] = None,
    private: Annotated[bool, typer.Option("--private", help="make a new repository private")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="publish without a question")] = False,
) -> None:
    """Publish a model on the Hugging Face hub, with a model card; asks before anything is sent."""
    from .pushing import prepare_publication, publish

    publication = prepare_publication(folder, repo, licence=licence, data=data, evaluation=evaluation)
    print(publication.describe())
    if not yes:
        typer.confirm(f"Publish these files{' for yourself' if private else ' for everybody'}?", abort=True)
    print(printable(publish(publication, private=private)))


def export(
    model: Annotated[Path | None, typer.Argument(help="model folder or hub id; default: the shipped one")] = None,
    *,
    out: Annotated[Path, typer.Option(help="file to write: .onnx, .pt (torchscript) or .xml (openvino)")],
    form: Annotated[ExportFormat, typer.Option("--format", help="format of the file")] = ExportFormat.ONNX,
    films: Annotated[list[Path] | None, typer.Option(help="radiographs for the check; default: drawn ones")] = None,
) -> None:
    """Export a model for other programs, with its attention map, and check the file against PyTorch."""
    from .exporting import export_model

    check = export_model(SHIPPED_MODEL if model is None else model, out, form=form, films=films or [])
    print(
        printable(
            f"{check.path}: equals PyTorch for {check.n_films} films within {check.probability_error:.1e} of a "
            f"probability and {check.map_error:.1e} of a map"
        )
    )
