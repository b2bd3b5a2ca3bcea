"""File to radiograph and back, in the order of the flow.

``budget``   sizes that are checked before anything large is parsed, inflated or decoded
``terms``    values of a header that a message may quote
``header``   DICOM header -> required attributes, metadata without identity, orientation, hashed identifiers
``decode``   data set -> stored values
``read``     ``read_radiograph``: file of any supported format -> ``Radiograph``
``gate``     is it a frontal chest film? files -> studies -> one film of each
``png16``    image -> 16-bit PNG
``objects``  results -> DICOM objects: derived image, attention overlay, regions, findings
"""

from ..common.refusal import RefusedInput, find_refusal
from .gate.chest_film import check_chest_film, require_chest_film
from .objects import write_enhanced
from .png16 import write_png16
from .read.radiograph import Radiograph, read_header, read_radiograph

__all__ = [
    "Radiograph",
    "RefusedInput",
    "check_chest_film",
    "find_refusal",
    "read_header",
    "read_radiograph",
    "require_chest_film",
    "write_enhanced",
    "write_png16",
]
