"""File to displayed radiograph, in the order of the flow.

``parsing``       DICOM file -> data set
``levels``        stored values -> the grey levels that occur
``luts``          Modality and VOI look-up tables
``windows``       window center, width and function
``rendering``     grey levels -> displayed image: modality, VOI, presentation
``pictures``      PNG and JPEG
``volumes``       NIfTI, NRRD and MetaImage
``radiograph``    ``read_radiograph``: any of these formats -> ``Radiograph``
``image_reader``  the same as a MONAI ``ImageReader``, for ``LoadImage``
"""
