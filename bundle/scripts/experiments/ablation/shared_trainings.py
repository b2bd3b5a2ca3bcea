"""Record of what the trainings in a folder were made with, so that several experiments can share them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.atomic import write_json
from ...common.text_file import read_json


def check_shared(path: str | Path, settings: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare an experiment with those that used the folder before, and record it.

    Args:
        path: the record, a JSON file in the folder.
        settings: values that must be equal in all experiments of the folder.
        parts: for each kind of thing, such as the arms, the definition of each by its name. A name means the same in
            all experiments of the folder; each experiment may add names.

    Raises:
        ValueError: a setting or a definition differs from the recorded one.
    """
    path = Path(path)
    given: dict[str, Any] = json.loads(json.dumps({"settings": settings, **parts}, default=str))
    known = read_json(path, "a record of shared trainings", "use another trainings_dir") if path.exists() else {}
    changed = sorted(
        f"{kind}: {name}"
        for kind, values in given.items()
        for name, value in values.items()
        if name in known.get(kind, {}) and known[kind][name] != value
    )
    if changed:
        raise ValueError(
            f"{path}: the trainings of this folder were made with others; expected the same {', '.join(changed)}; use "
            "another trainings_dir"
        )
    write_json(path, {**known, **{kind: {**known.get(kind, {}), **values} for kind, values in given.items()}})
