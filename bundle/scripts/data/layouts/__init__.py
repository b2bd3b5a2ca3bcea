"""Public data sets in the layouts in which they are published.

``label_tables``  collects the films of tables and finds their image files
``chexpert``      CheXpert v1.0 and v1.0-small
``mimic``         MIMIC-CXR (DICOM) and MIMIC-CXR-JPG
``nih``           NIH ChestX-ray14
``vindr``         VinDr-CXR (PhysioNet) and the VinBigData challenge
``rsna``          RSNA Pneumonia Detection Challenge
``padchest``      PadChest

Each module has a function ``read(root) -> (labels, items, failures)``. The items are those of a datalist, with an
absolute ``image`` and, if the data set has an official split, its ``split``. Labels have the names of CheXpert, or of
NIH ChestX-ray14 for findings that CheXpert lacks. Only frontal films are items; every other row is a failure. Patient
ids are the pseudonyms that the data set publishes.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from .label_tables import Reading

LAYOUTS = ("chexpert", "mimic", "nih", "vindr", "rsna", "padchest")


def read_layout(name: str, root: str | Path) -> Reading:
    """Read the labels, items and failures of a public data set.

    Args:
        name: one of ``LAYOUTS``.
        root: folder of the data set, with its tables.

    Raises:
        FileNotFoundError: the folder or a table of the layout does not exist.
        ValueError: a table differs from the published one; the message names file, row and column.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; expected the data set {name}, found nothing; check the path")
    reading: Reading = import_module(f".{name}", __package__).read(root.absolute())
    return reading
