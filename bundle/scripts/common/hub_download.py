"""Downloads a model from the Hugging Face hub, whose id is ``owner/name`` or ``owner/name@revision``.

Only files with the names of a model are fetched, into the cache of ``huggingface_hub``, and nothing of them is
executed. A model that is in the cache is used without a connection (``HF_HUB_OFFLINE=1`` makes none). ``HF_ENDPOINT``
names another hub.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .printable import quoted, shortened

_HUB_ID = re.compile(
    r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[A-Za-z0-9][\w./-]*))?", re.ASCII
)
# The asterisk of a pattern matches slashes too, and a server could list a file outside the folder of the model.
_NEVER = ["../*", "*/../*", "*/..", "/*", "*\\*"]


def parse_hub_id(text: str) -> tuple[str, str | None] | None:
    """Split a hub id into ``owner/name`` and its branch, tag or commit, if it names one; ``None`` for other texts."""
    found = _HUB_ID.fullmatch(text)
    return None if found is None or ".." in text else (found["repo"], found["revision"])


def is_hub_id(source: str | Path) -> bool:
    """Whether a source has the form of a hub id and is no path that exists."""
    return parse_hub_id(str(source)) is not None and not Path(source).exists()


def download_model(source: str | Path, files: Sequence[str], key: str) -> Path:
    """Download the files of a model, or find them in the cache.

    Args:
        source: hub id.
        files: patterns of the names that are fetched; ``*`` also matches a slash.
        key: name of the setting, for messages.

    Returns:
        Folder of the snapshot in the cache, complete.

    Raises:
        FileNotFoundError: the repository or its revision does not exist, the hub cannot be reached and the cache does
            not have the model, or the download was interrupted.
        PermissionError: the hub does not allow it.
        ValueError: ``source`` is not a hub id.
    """
    from huggingface_hub import snapshot_download

    parts = parse_hub_id(str(source))
    if parts is None:
        found = quoted(str(source))
        raise ValueError(f"{key}: not a hub id; expected owner/name or owner/name@revision, found {found}; correct it")
    repo, revision = parts
    try:
        folder = snapshot_download(repo, revision=revision, allow_patterns=list(files), ignore_patterns=_NEVER)
    except Exception as error:
        remedy = f"copy the files to a folder and set {key} FOLDER (docs/howto.md#checkpoints)"
        raise explain_hub_error(error, str(source), key, remedy) from error
    return Path(folder)


def explain_hub_error(error: Exception, source: str, key: str, remedy: str) -> OSError:
    """Error that says in one line why the hub did not do what it was asked.

    Args:
        error: error of ``huggingface_hub``.
        source: hub id, as the user gave it.
        key: name of the setting or command, for the message.
        remedy: what to do if the hub cannot be reached.

    Returns:
        ``PermissionError`` if the hub refused, ``FileNotFoundError`` otherwise.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        IncompleteSnapshotError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub, name = constants.ENDPOINT, f"{key}: {shortened(source, 200)}"
    if isinstance(error, IncompleteSnapshotError):
        return FileNotFoundError(
            f"{name}: half-downloaded; expected all files of the model in {error.snapshot_path}, found some of them, "
            f"and {hub} cannot be reached; run the command again with a connection, which fetches the others"
        )
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    unknown = isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError)
    if isinstance(error, GatedRepoError) or (status in (401, 403) and not unknown):
        return PermissionError(
            f"{name}: no permission; expected an account that {hub} allows this, found status {status}; ask for access "
            "on the page of the model, and log in with hf auth login or set HF_TOKEN"
        )
    if isinstance(error, RevisionNotFoundError):
        return FileNotFoundError(
            f"{name}: no such revision; expected a branch, a tag or a commit of the repository, found none on {hub}; "
            "correct what follows the @, or leave it out"
        )
    if unknown or status == 404:
        return FileNotFoundError(
            f"{name}: no such model on {hub}, or no permission to read it; expected a folder or owner/name of a model, "
            "found neither; correct the name, or log in with hf auth login or set HF_TOKEN"
        )
    return FileNotFoundError(
        f"{name}: expected a folder, an entry of the Hugging Face cache or a connection to {hub}, found none: the hub "
        f"cannot be reached ({_reason(error, status)}); {remedy}"
    )


def _reason(error: Exception, status: int | None) -> str:
    """Short reason why the hub could not be reached: its status, the offline mode, or the type of the error."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if status is not None:
        return f"status {status}"
    causes = [error, error.__cause__, error.__context__]
    offline = any(isinstance(one, OfflineModeIsEnabled) for one in causes)
    return "HF_HUB_OFFLINE is 1" if offline else type(error).__name__
