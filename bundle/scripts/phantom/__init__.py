"""Synthetic chest radiographs with known findings, in the order of the flow.

``rasterizing``      coordinates, soft edges, strokes
``anatomy``          parameters, outlines, bones and vessels of a patient
``findings``         findings of a study: changed outlines, opacities, fine strokes
``display``          collimation, 12-bit display, the word SYNTHETIC
``projection``       anatomy and findings -> image, masks and boxes
``phantom_studies``  patients -> DICOM files and labels.csv

Phantoms are used where patient data may not be used, or where the truth must be known: the pixels of a finding, and
whether it consists of detail that is lost at a classifier's input size. They are drawings, not a physical simulation.
"""

from .findings import FINE_GRADES, GRADES, PHANTOM_LABELS
from .phantom_studies import write_phantom_studies
from .projection import Phantom, make_phantom

__all__ = [
    "FINE_GRADES",
    "GRADES",
    "PHANTOM_LABELS",
    "Phantom",
    "make_phantom",
    "write_phantom_studies",
]
