"""``POST /train/cxr``: the workflow ``training`` on the images that have findings.

Findings are stored with the image: ``PUT /datastore/image/info`` with ``info={"findings": {"Cardiomegaly": 1, …}}``.
The values are 1 (present), 0 (absent) and -1 (uncertain); findings that are left out are not annotated.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.train import TrainTask
from scripts.data.building import build_from_folder
from scripts.data.datalist import write_datalist
from scripts.networks.model_metadata import labels_of, read_model_metadata
from scripts.workflow import run_workflow

from .values import Training, read

FINDINGS = "findings"
FRACTIONS = (0.75, 0.25, 0.0)  # training, validation, test; no test set, because no performance is claimed


class ChestTraining(TrainTask):
    """Task that trains the newest model further on labelled images, split by patient.

    Args:
        root: folder in which each training creates a folder; the server then uses ``model/`` of the new folder.
        first: model folder with which the first training starts.
    """

    def __init__(self, root: Path, first: Path) -> None:
        super().__init__("Continue the classifier on the images with findings")
        self.root, self.first = root, first

    def config(self) -> dict[str, Any]:
        """Return the settings that a request may change."""
        return Training().model_dump(exclude_none=True)

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train, and return the model folder and the last row of the history.

        Raises:
            HTTPException: 422 when no image has findings, or when the training rejects them.
        """
        try:
            return self.train(request, datastore)
        except (ValueError, FileNotFoundError) as error:
            raise HTTPException(422, f"train: {error}") from error

    def train(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Run the workflow ``training``.

        Raises:
            HTTPException: see :meth:`__call__`.
            ValueError: the training ended without a model.
        """
        overrides = read(Training, request).model_dump(exclude_none=True, exclude={"client_id"})
        start = newest_model(self.root) or self.first
        known = read_model_metadata(start)
        overrides |= {key: known["preprocessing"][key] for key in ("pool", "image_size")}
        folder = self.root / f"{len(list(self.root.glob('[0-9]*'))) + 1:03}"
        folder.mkdir(parents=True)
        dataset_dir = self.make_datalist(datastore, labels_of(known), folder)
        places = {"dataset_dir": dataset_dir, "datalist_file": folder / "datalist.json", "output_dir": folder}
        overrides |= {key: str(place) for key, place in {"backbone": start, **places}.items()}
        run_workflow("training", overrides=overrides)
        if not (folder / "model").exists():
            raise ValueError(
                "no epoch could be evaluated; expected a finding that is both present and absent among the validation "
                "patients, found none; give the findings of more images"
            )
        with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
            *_, last = csv.DictReader(file)
        return {"model": str(folder / "model"), "last_epoch": last}

    def make_datalist(self, datastore: Datastore, labels: list[str], folder: Path) -> Path:
        """Write the datalist of the images with findings, and return the folder that contains all images.

        Args:
            datastore: images and their findings.
            labels: labels of the model.
            folder: folder for ``labels.csv`` and ``datalist.json``.

        Raises:
            HTTPException: see :meth:`__call__`.
        """
        rows = {image: datastore.get_image_info(image).get(FINDINGS) for image in sorted(datastore.list_images())}
        found = {Path(datastore.get_image_uri(image)): findings for image, findings in rows.items() if findings}
        if not found:
            raise HTTPException(422, "train: no image has findings; put them with PUT /datastore/image/info")
        root = Path(os.path.commonpath([path.parent for path in found]))
        table = folder / "labels.csv"
        given = {str(film.relative_to(root)): row for path, row in found.items() for film in films(path)}
        write_table(table, given, labels)
        datalist, _ = build_from_folder(root, table, fractions=FRACTIONS)
        write_datalist(datalist, folder / "datalist.json")
        return root


def newest_model(root: Path) -> Path | None:
    """Return the model folder of the latest training that has one."""
    weights = sorted(root.glob("*/model/model.safetensors"))
    return weights[-1].parent if weights else None


def films(path: Path) -> list[Path]:
    """Return the image itself, or the instances of a series that was downloaded from a DICOMweb server."""
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def write_table(path: Path, findings: dict[str, dict[str, float]], labels: list[str]) -> None:
    """Write a table with ``image``, ``patient_id`` and a column per label, blank where a finding is not annotated.

    Raises:
        HTTPException: 422 for a finding that is not a label of the model.
    """
    unknown = sorted({name for given in findings.values() for name in given} - set(labels))
    if unknown:
        raise HTTPException(422, f"findings: unknown; expected some of {labels}, found {unknown}; correct the info")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["image", "patient_id", *labels], restval="")
        writer.writeheader()
        # For DICOM files the header decides on the patient; other files have no patient, so each is one of its own.
        writer.writerows({"image": image, "patient_id": image, **given} for image, given in findings.items())
