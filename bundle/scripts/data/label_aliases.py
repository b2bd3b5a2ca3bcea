"""Table of the names that data sets give to the same finding, and the matching of label names with it.

Case, "_" and "-" are ignored in the comparison. Only synonyms are aliases; a narrower or broader term is another label.
"Rib fracture" is not ``Fracture``, "Nodule/Mass" (VinDr-CXR) is neither ``Nodule`` nor ``Mass``, "Lung Lesion"
(CheXpert: nodule, mass or cavity) is none of the three, and "Normal" is more than ``No Finding``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..common.choices import check_choice

logger = logging.getLogger(__name__)

# Name in this project (CheXpert's, or NIH ChestX-ray14's for findings that CheXpert lacks): names in other data sets.
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
    "Hernia": ("Hiatal Hernia",),  # PadChest; NIH ChestX-ray14 means this kind of hernia
    "Infiltration": ("Infiltrate", "Infiltrates"),  # the boxes of NIH ChestX-ray14; PadChest
    "Lung Lesion": ("Lesion",),  # torchxrayvision
    "Lung Opacity": ("Airspace Opacity",),  # first version of the CheXpert labeler
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
    """Name in the form that is compared: lower case, words separated by one blank."""
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())


NO_FINDING = "No Finding"  # label of a film without any finding
_CANONICAL = {_plain(name): known for known, others in _ALIASES.items() for name in (known, *others)}


def canonical(name: str) -> str:
    """Name of a finding in this project; a name that is not in the table is returned unchanged.

    >>> canonical("Pleural_Effusion"), canonical("effusion"), canonical("Rib fracture")
    ('Pleural Effusion', 'Pleural Effusion', 'Rib fracture')
    """
    return _CANONICAL.get(_plain(name), name)


def match_label(name: str, available: Sequence[str]) -> int | None:
    """Position of a name in ``available``, or else of its only synonym; ``None`` if there is neither.

    Raises:
        ValueError: the name is absent and has several synonyms.
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
    """Position of each wanted label in ``available``. Matches by an alias are logged.

    Args:
        wanted: names or aliases, in the order of the result.
        available: names of the labels that the data have.
        where: file or data set that has them, for error messages.

    Raises:
        ValueError: a label is absent, in which case the message suggests the nearest one, or is wanted twice.
    """
    positions = []
    for name in wanted:
        position = match_label(name, available)
        if position is None:
            check_choice(f"{where}: labels", name, available)
        else:
            positions.append(position)
    if len(set(positions)) < len(positions):
        raise ValueError(f"labels: not different; expected each label once, found {list(wanted)}; remove one of them")
    for name, index in zip(wanted, positions, strict=True):
        if available[index] != name:
            logger.info("labels: %r of %s is used for %r", available[index], where, name)
    return positions
