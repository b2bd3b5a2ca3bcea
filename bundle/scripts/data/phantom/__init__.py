"""Synthetic chest radiographs with known truth, in the order of the flow.

``rasterizing``  coordinates, soft edges, strokes
``anatomy``      what a patient looks like
``findings``     what is wrong in a study
``display``      collimation, 12-bit display, the word SYNTHETIC
``rendering``    attenuation, detector, truth masks
``studies``      patients, DICOM files, labels.csv

They stand in where no patient data may be used, and where the truth must be known: which pixels a finding is in, and
whether it is drawn as detail that a classifier's input size cannot show. They are drawings, not a physical simulation.
"""

from .findings import FINE_GRADES, GRADES, PHANTOM_LABELS
from .rendering import Phantom, make_phantom
from .studies import write_phantom_studies

__all__ = [
    "FINE_GRADES",
    "GRADES",
    "PHANTOM_LABELS",
    "Phantom",
    "make_phantom",
    "write_phantom_studies",
]
