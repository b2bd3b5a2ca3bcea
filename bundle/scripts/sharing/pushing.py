"""Publishes a model folder as a repository of the Hugging Face hub, in one commit.

The repository gets the files of the model and a model card, and nothing else of the folder. A model that cannot be
loaded, or whose thresholds belong to other weights, is not published.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from ..calibration.calibration_file import load_calibration
from ..calibration.novelty import load_novelty
from ..common.hub_download import explain_hub_error, parse_hub_id
from ..common.printable import printable, quoted
from ..common.text_file import read_json
from ..evaluation.predictions import read_predictions
from ..networks.loading import load_vit_multilabel, weights_sha256
from ..networks.model_folder import MODEL_FILES
from ..networks.model_metadata import read_model_metadata
from .model_card import CardFacts, write_card

_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_CARD = "README.md"


@dataclass(frozen=True)
class Publication:
    """What is going to be published.

    Attributes:
        repo: ``owner/name``.
        files: content by name in the repository: a file, or bytes.
    """

    repo: str
    files: Mapping[str, Path | bytes]

    def describe(self) -> str:
        """Text for the person who is asked: the place, and each file with its size."""
        from huggingface_hub import constants

        lines = [f"{self.repo} on {constants.ENDPOINT}:"]
        for name, content in self.files.items():
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            lines.append(f"  {name:32}{size / 1e6:10.2f} MB")
        return "\n".join(map(printable, lines))


def prepare_publication(
    folder: str | Path,
    repo: str,
    *,
    licence: str | None = None,
    data: str | None = None,
    evaluation: Path | None = None,
) -> Publication:
    """Check a model folder and write its model card; nothing is sent.

    Absolute paths in the provenance are reduced to their last name, because they may name people.

    Args:
        folder: model folder that training wrote.
        repo: ``owner/name``.
        licence: identifier of the licence; ``None``: that in the provenance of the model.
        data: description of the training data; ``None``: that in the provenance.
        evaluation: folder that ``evaluating`` wrote for this model; ``None``: the metric of the validation split.

    Raises:
        FileNotFoundError: there is no model in the folder, or no result in ``evaluation``.
        ValueError: the repository has no valid name, the model is damaged, it has no licence, or the evaluation is that
            of another model.
    """
    folder, parts = Path(folder), parse_hub_id(repo)
    if parts is None or parts[1] is not None:
        raise ValueError(f"push: not the name of a repository; expected owner/name, found {quoted(repo)}; correct it")
    metadata = read_model_metadata(folder)
    network = load_vit_multilabel(folder)
    load_novelty(folder)
    provenance = metadata.get("provenance", {})
    labels = list(network.labels or [])
    facts = CardFacts(
        repo,
        labels,
        _check_licence(licence or provenance.get("licence"), folder),
        data or str(provenance.get("data") or f"not described; list {provenance.get('data_sha256', 'unknown')}"),
        network.image_size,
        calibration=load_calibration(folder, labels),
        **_read_metrics(folder, labels, provenance, evaluation),
    )
    files: dict[str, Path | bytes] = {_CARD: write_card(facts).encode()}
    for path in sorted(folder.iterdir()):
        if path.is_file() and _is_model_file(path.name):
            files[path.name] = path
    files["metadata.json"] = json.dumps({**metadata, "provenance": _without_paths(provenance)}, indent=2).encode()
    return Publication(repo, files)


def publish(publication: Publication, *, private: bool = False) -> str:
    """Create the repository if it does not exist, and send all files in one commit.

    Files of an earlier model in the repository that this one does not have are removed; other files stay.

    Args:
        publication: what :func:`prepare_publication` returned.
        private: whether a new repository is private; an existing one stays as it is.

    Returns:
        Address of the commit.

    Raises:
        FileNotFoundError: the hub cannot be reached.
        PermissionError: the hub does not allow it.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api, repo = HfApi(), publication.repo
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        there = api.list_repo_files(repo)
        commit = api.create_commit(
            repo,
            [
                *(CommitOperationAdd(name, content) for name, content in publication.files.items()),
                *(
                    CommitOperationDelete(name)
                    for name in there
                    if _is_model_file(name) and name not in publication.files
                ),
            ],
            commit_message="Publish the model",
        )
    except Exception as error:
        raise explain_hub_error(error, repo, "push", "nothing was published: run the command again") from error
    return str(commit.commit_url)


def _is_model_file(name: str) -> bool:
    """Whether a name in a folder or repository is that of a file of a model."""
    return "/" not in name and any(fnmatchcase(name, pattern) for pattern in MODEL_FILES)


def _check_licence(licence: object, folder: Path) -> str:
    """Identifier of a licence in lower case, as the hub writes it.

    Raises:
        ValueError: there is none, or it is not an identifier.
    """
    name = str(licence or "").lower()
    if not _LICENCE.fullmatch(name):
        raise ValueError(
            f"{folder}: licence of the model: expected an identifier such as apache-2.0 or cc-by-nc-4.0, found "
            f"{quoted(licence)}; set --license"
        )
    return name


def _read_metrics(
    folder: Path, labels: list[str], provenance: Mapping[str, Any], evaluation: Path | None
) -> dict[str, Any]:
    """Fields of :class:`.model_card.CardFacts` with the metrics of a model.

    Raises:
        FileNotFoundError: there is no evaluation in the folder.
        ValueError: the evaluation is damaged, or that of another model.
    """
    if evaluation is None:
        validation = provenance.get("validation")
        macro = validation.get("val_macro_auroc") if isinstance(validation, dict) else None
        return {"macro_auroc": macro if isinstance(macro, float) else None}
    found_labels, _, model_hash = read_predictions(evaluation)
    if found_labels != labels or model_hash != weights_sha256(folder):
        raise ValueError(
            f"{evaluation}: evaluation of another model; expected that of {folder}, found weights "
            f"{quoted(model_hash)}; run evaluating on this model, or leave --evaluation out"
        )
    path = evaluation / "metrics.json"
    report = read_json(path, "metrics", "run evaluating again")
    try:
        rows = {label: report["labels"][label] for label in labels}
        return {
            "auroc": {label: row["auroc"] for label, row in rows.items()},
            "intervals": {label: row["auroc_ci"] for label, row in rows.items()},
            "macro_auroc": report["macro"]["auroc"],
            "split": "evaluation",
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the metrics of an evaluation ({error}); run evaluating again") from error


def _without_paths(value: Any) -> Any:
    """Copy of JSON values with absolute paths reduced to their last name."""
    if isinstance(value, dict):
        return {key: _without_paths(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_paths(entry) for entry in value]
    if isinstance(value, str) and (value.startswith(("/", "~")) or PureWindowsPath(value).drive):
        return PurePath(value.replace("\\", "/")).name
    return value
