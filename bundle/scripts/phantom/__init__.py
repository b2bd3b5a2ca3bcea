"""Synthetic chest radiographs with known findings, in the order of the flow.

``rasterizing``      coordinates, soft edges, strokes
``anatomy``          what a patient looks like
``findings``         what is wrong in a study
``display``          collimation, 12-bit display, the word SYNTHETIC
``projection``       attenuation, detector, masks of the findings
``phantom_studies``  patients -> DICOM files and labels.csv

They stand in where no patient data may be used, and where the truth must be known: the pixels of a finding, and
whether it is drawn as detail that a classifier's input size cannot show. They are drawings, not a physical simulation.
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
