"""One table of what data sets call the same finding, and the matching of label names by it.

Names are compared without case, "_" and "-". Only synonyms are aliases. A narrower or a broader term is another label:
"Rib fracture" is not ``Fracture``, "Nodule/Mass" (VinDr-CXR) is neither ``Nodule`` nor ``Mass``, "Lung Lesion"
(CheXpert: nodule, mass or cavity) is none of the three, and "Normal" is more than ``No Finding``.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)

# Name in this project (of CheXpert; of NIH ChestX-ray14 for what CheXpert lacks): names elsewhere.
_ALIASES: dict[str, tuple[str, ...]] = {
    "No Finding": (),
    "Atelectasis": (),
    "Cardiomegaly": (),
    "Consolidation": (),
    "Edema": ("Pulmonary Edema",),  # PadChest
    "Emphysema": (),
    "Enlarged Cardiomediastinum": (),
    "Fibrosis": ("Pulmonary Fibrosis",),  # PadChest, VinDr-CXR
    "Fracture": (),
    "Hernia": ("Hiatal Hernia",),  # PadChest; the one that NIH ChestX-ray14 means
    "Infiltration": ("Infiltrate", "Infiltrates"),  # boxes of NIH ChestX-ray14, PadChest
    "Lung Lesion": ("Lesion",),  # torchxrayvision
    "Lung Opacity": ("Airspace Opacity",),  # first form of the CheXpert labeler
    "Mass": (),
    "Nodule": (),
    "Pleural Effusion": ("Effusion",),  # NIH ChestX-ray14, torchxrayvision
    "Pleural Other": (),
    "Pleural Thickening": (),
    "Pneumonia": (),
    "Pneumothorax": (),
    "Support Devices": (),
}


def _plain(name: str) -> str:
    """Name as it is compared: one blank between words, no case."""
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())


_CANONICAL = {_plain(name): known for known, others in _ALIASES.items() for name in (known, *others)}


def canonical(name: str) -> str:
    """Name of a finding in this project; a name that is in no row of the table stays as it is.

    >>> canonical("Pleural_Effusion"), canonical("effusion"), canonical("Rib fracture")
    ('Pleural Effusion', 'Pleural Effusion', 'Rib fracture')
    """
    return _CANONICAL.get(_plain(name), name)


def match_label(name: str, available: Sequence[str]) -> int | None:
    """Position of the label that ``name`` means: itself, else its only synonym.

    Raises:
        ValueError: it is not there, and two of the others mean the same.
    """
    if name in available:
        return list(available).index(name)
    key = _plain(canonical(name))
    found = [index for index, other in enumerate(available) if _plain(canonical(other)) == key]
    if len(found) > 1:
        names = " and ".join(repr(available[index]) for index in found)
        raise ValueError(f"labels: {name!r} is ambiguous; expected one label of that meaning, found {names}; name one")
    return found[0] if found else None


def match_labels(wanted: Sequence[str], available: Sequence[str], where: str) -> list[int]:
    """Position in ``available`` of each label that is ``wanted``; every alias that is used is logged.

    Args:
        wanted: names, in the order of the result.
        available: what there is.
        where: what has them, for messages: a file, or a data set.

    Raises:
        ValueError: a label is not there, naming the nearest that is; two of the wanted are the same one.
    """
    found = [match_label(name, available) for name in wanted]
    lacking = [name for name, index in zip(wanted, found, strict=True) if index is None]
    if lacking:
        raise ValueError(
            f"labels: {where} has no {', '.join(map(repr, lacking))}; expected some of "
            f"{', '.join(available) or 'none at all'}; use {', '.join(_nearest(name, available) for name in lacking)}?"
        )
    positions = [index for index in found if index is not None]
    if len(set(positions)) < len(positions):
        raise ValueError(f"labels: expected different ones, found the same twice in {list(wanted)}; remove one")
    for name, index in zip(wanted, positions, strict=True):
        if available[index] != name:
            logger.info("labels: %r of %s is taken for %r", available[index], where, name)
    return positions


def _nearest(name: str, available: Sequence[str]) -> str:
    """Available name that looks most like ``name``, in quotes."""
    close = difflib.get_close_matches(name, available, n=1, cutoff=0.0)
    return repr(close[0]) if close else "other data"
