"""Log of the experiments that were begun on a data set, outside the output folders.

A protocol binds one output folder only. Who tries several endpoints in several folders and reports the best one has
tested several times, so every attempt is written down by the hash of the data, and the report prints the earlier ones.
The log holds dates, names of arms and labels, hashes and results; it holds no path, image or patient.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...common.atomic import make_folder, open_for_owner
from ...common.locking import locked_file
from ...common.text_file import parse_json, read_text

_REMEDY = "set --attempts_dir to another folder"
_RESULT = ("verdict", "difference", "ci")


def default_folder() -> Path:
    """Folder of the log of this user: ``cxr-attention-sr/attempts`` in ``XDG_STATE_HOME``, or in ``~/.local/state``."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "cxr-attention-sr" / "attempts"


class AttemptLog:
    """Attempts on one data set.

    Args:
        folder: folder of the logs of all data sets.
        data_sha256: hash of the data set, which names its file.
        output_dir: output folder of this attempt. The same protocol in the same folder is one attempt, continued.
        declared: declared protocol.
    """

    def __init__(
        self, folder: str | Path, data_sha256: str, output_dir: str | Path, declared: Mapping[str, Any]
    ) -> None:
        self.path = Path(folder) / f"{hashlib.sha256(data_sha256.encode()).hexdigest()[:32]}.jsonl"
        self.primary = {key: declared["primary"][key] for key in ("arm", "control", "labels")}
        text = json.dumps([str(Path(output_dir).resolve()), declared], sort_keys=True, default=str)
        self.name = hashlib.sha256(text.encode()).hexdigest()[:16]

    def begin(self) -> list[dict[str, Any]]:
        """Write that the attempt begins, unless it was begun before; return the attempts that were begun earlier.

        Returns:
            ``date``, ``primary`` (arm, control and labels of the endpoint), ``verdict``, ``difference`` and ``ci`` of
            each; the last three are ``None`` for an attempt without a result.

        Raises:
            OSError: the log cannot be written; the message names the setting.
            ValueError: the log is damaged.
        """
        try:
            make_folder(self.path.parent)
            with locked_file(self.path.with_suffix(".lock")):
                lines = self._lines()
                begun = list(dict.fromkeys(line["attempt"] for line in lines))
                if self.name not in begun:
                    self._append({"date": datetime.now(UTC).date().isoformat(), "primary": self.primary})
        except OSError as error:
            raise OSError(f"attempts_dir: {self.path.parent}: the log cannot be written: {error}; {_REMEDY}") from error
        earlier = begun[: begun.index(self.name)] if self.name in begun else begun
        return [_attempt(lines, name) for name in earlier]

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result of the attempt.

        Args:
            result: content of ``ablation.json``.
        """
        found = {"verdict": result["verdict"], **{key: result["primary"][key] for key in _RESULT[1:]}}
        with locked_file(self.path.with_suffix(".lock")):
            self._append(found)

    def _append(self, content: Mapping[str, Any]) -> None:
        line = json.dumps({"attempt": self.name, **content}) + "\n"
        with os.fdopen(open_for_owner(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "w") as file:
            file.write(line)

    def _lines(self) -> list[dict[str, Any]]:
        """Lines of the log, the first of each attempt before its results."""
        if not self.path.exists():
            return []
        expected = "a log of attempts"
        text = read_text(self.path, expected)
        lines = [
            parse_json(line, f"{self.path}: line {number}", expected, _REMEDY)
            for number, line in enumerate(text.splitlines(), 1)
        ]
        for number, line in enumerate(lines, 1):
            if not isinstance(line, dict) or not isinstance(line.get("attempt"), str):
                raise ValueError(
                    f"{self.path}: line {number}: not an attempt; expected its name, found none; {_REMEDY}"
                )
        return lines


def _attempt(lines: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Date, endpoint and latest result of an attempt."""
    merged: dict[str, Any] = dict.fromkeys(("date", "primary", *_RESULT))
    for line in lines:
        if line["attempt"] == name:
            merged |= {key: value for key, value in line.items() if key in merged}
    return merged
