"""Section of the report on the films on which base and re-trained model disagree most."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..evaluation.disagreement import FILM_PICTURES
from .figures import picture_uri

_SHOWN = 5  # labels of a film that are not folded
_WORDS = {1.0: "present", 0.0: "absent", -1.0: "uncertain", None: "not annotated"}
_MODELS = {"base": "Base model", "retrained": "Re-trained model"}


def films_section(comparison: Mapping[str, Any] | None, run_dir: Path) -> list[dict[str, Any]]:
    """Films for the template ``disagreement.html.j2``.

    Args:
        comparison: content of ``comparison.json``, which earlier versions wrote without films; ``None``: no comparison.
        run_dir: run folder, which has the pictures of the films in ``disagreement/``.

    Returns:
        For each film ``number`` from 1, ``row`` among the predictions from 1, ``label``, ``reference``, ``shown`` and
        ``folded`` rows of labels, ``picture`` (``None`` without one), and ``maps`` by the name of the model.
    """
    films = []
    for number, film in enumerate((comparison or {}).get("films") or []):
        rows = [_row(name, values) for name, values in film["labels"].items()]
        rows.sort(key=lambda row: -abs(row["retrained"] - row["base"]))
        stem = run_dir / FILM_PICTURES / f"film_{number}"
        maps = {name: stem.with_name(f"{stem.name}_{model}.png") for model, name in _MODELS.items()}
        picture = stem.with_name(f"{stem.name}.jpg")
        films.append(
            {
                "number": number + 1,
                "row": film["case"] + 1,
                "first": rows[0],
                "shown": rows[:_SHOWN],
                "folded": rows[_SHOWN:],
                "picture": picture_uri(picture) if picture.is_file() else None,
                "maps": {name: picture_uri(path) for name, path in maps.items() if path.is_file()},
            }
        )
    return films


def _row(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Probabilities of a label: means over the seeds, their ranges if there are several, and the reference."""
    models: dict[str, Any] = {}
    for model in _MODELS:
        seeds = values[model]
        models[model] = statistics.fmean(seeds)
        models[f"{model}_range"] = (min(seeds), max(seeds)) if len(seeds) > 1 else None
    return {"name": name, "reference": _WORDS[values["target"]], **models}
