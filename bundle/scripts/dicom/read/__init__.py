"""Files to displayed radiographs, in the order of the flow.

``unquoted_values``  no warnings of pydicom that quote values
``parsing``       DICOM file -> data set
``ranges``        bits that the values use, where the file declares more
``levels``        stored values -> the grey levels that occur
``luts``          Modality and VOI look-up tables
``windows``       window center, width and function
``rendering``     grey levels -> displayed image: modality, VOI, presentation
``pictures``      PNG and JPEG files
``volumes``       NIfTI, NRRD and MetaImage files
``radiograph``    ``read_radiograph``: any of these formats -> ``Radiograph``
``image_reader``  ``read_radiograph`` as a MONAI ``ImageReader``, for ``LoadImage``
"""
