"""File to radiograph and back, in the order of the flow.

``refusal``    ``RefusedInput``: a typed reason why an input is not read
``budget``     sizes checked before anything large is decoded
``header``     DICOM header -> required attributes, allow-listed meta, orientation, hashed identifiers
``decoding``   DICOM file -> data set and stored values
``rendering``  stored values -> displayed image: modality, VOI, presentation
``pictures``   PNG, JPEG
``volumes``    NIfTI, NRRD, MetaImage through MONAI's readers
``reading``    ``read_radiograph``: any of these formats -> ``Radiograph``
``gate``       is it a frontal chest film?
``writing``    enhanced image -> derived DICOM or 16-bit PNG
"""

from .gate import check_chest_film, require_chest_film
from .reading import Radiograph, read_header, read_radiograph
from .refusal import RefusedInput, find_refusal
from .writing import write_enhanced, write_png16

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
