"""Public data sets as they are on disk; each module has ``read(root) -> (labels, items, failures)``.

``label_tables``  reads and checks tables of labels; finds their image files
``chexpert``      CheXpert v1.0 and v1.0-small
``mimic``         MIMIC-CXR (DICOM) and MIMIC-CXR-JPG
``nih``           NIH ChestX-ray14
``vindr``         VinDr-CXR (PhysioNet) and the VinBigData challenge
``rsna``          RSNA Pneumonia Detection Challenge
``padchest``      PadChest

Items are those of a datalist, with an absolute ``image`` and, where the data set has one, its ``split``. Labels have
the names of CheXpert, and of NIH ChestX-ray14 for what CheXpert lacks. Only frontal films are items; every other row
is a failure with its reason. Patient ids are the pseudonyms that the data set publishes.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from .label_tables import Reading

LAYOUTS = ("chexpert", "mimic", "nih", "vindr", "rsna", "padchest")


def read_layout(name: str, root: str | Path) -> Reading:
    """Labels, items and failures of a public data set.

    Args:
        name: one of ``LAYOUTS``.
        root: folder of the data set, with its tables.

    Raises:
        FileNotFoundError: no such folder, or a table that the layout needs is not in it.
        ValueError: a table that is not as published, naming file, row and column.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; expected the data set {name}, found nothing; check the path")
    reading: Reading = import_module(f".{name}", __package__).read(root.absolute())
    return reading
