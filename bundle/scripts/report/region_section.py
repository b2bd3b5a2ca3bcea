"""Section of the report on regions before and after enhancement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import picture_uri

_SHOWN = 3  # regions that are not folded
_TITLES = {
    "native": "Before: pixels of the film",
    "input": "Input of the enhancer",
    "enhanced": "After: enhanced, detail is synthetic",
    "difference": "After less before",
}


def region_section(regions: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """Regions for the template ``regions.html.j2``.

    Args:
        regions: content of ``regions.json``, which the workflow ``enhancing`` writes.
        folder: folder of ``regions.json`` and of the pictures.

    Returns:
        ``shown`` and ``folded`` regions, each with ``number`` from 1, ``label`` (``None``: of no single label),
        ``film`` and ``map``, ``box`` (left, top, width and height in per cent of the film), ``versions`` (title and
        picture), and ``difference`` in per cent of the grey range. A region without all its pictures is left out.

    Raises:
        ValueError: ``regions.json`` is damaged.
    """
    found = []
    for number, region in enumerate(regions):
        stem = f"region_{number}"
        versions = {title: folder / f"{stem}_{name}.jpg" for name, title in _TITLES.items()}
        film, overlay = folder / f"{stem}_film.jpg", folder / f"{stem}_map.png"
        if not all(path.is_file() for path in (film, overlay, *versions.values())):
            continue
        try:
            top, left, bottom, right = (100 * float(side) for side in region["box"])
            difference = 100 * float(region["difference"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{folder / 'regions.json'}: expected a box of four numbers and a difference, found another entry "
                f"({error}); run the enhancing workflow again"
            ) from error
        found.append(
            {
                "number": number + 1,
                "label": region.get("label"),
                "film": picture_uri(film),
                "map": picture_uri(overlay),
                "box": (left, top, right - left, bottom - top),
                "versions": [(title, picture_uri(path)) for title, path in versions.items()],
                "difference": difference,
            }
        )
    return {"shown": found[:_SHOWN], "folded": found[_SHOWN:]}
