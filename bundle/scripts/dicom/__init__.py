"""DICOM and image files to radiographs, and results to DICOM objects, in the order of the flow.

``budget``   size limits that are checked before anything large is parsed, inflated or decoded
``words``    words for views and body parts in six languages
``terms``    header values that a message may quote
``dates``    dates and times in the forms that devices write
``grid``     stored and displayed pixels: orientation, square pixels, the way back
``header``   DICOM header -> required attributes, metadata without identity, orientation, hashed identifiers
``decode``   data set -> stored values
``read``     ``read_radiograph``: file of any supported format -> ``Radiograph``
``gate``     rejects images that are not frontal chest films; files -> studies -> one film of each
``png16``    image -> 16-bit PNG
``objects``  results -> DICOM objects: derived image, attention overlay and map, regions, findings
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
