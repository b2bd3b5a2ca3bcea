"""Decoding: DICOM data set to stored values, in the order of the flow.

``frame``             data set -> position of its compressed frame in the file
``codestream``        compressed frame -> coding process, size and precision
``isolated_decoder``  program of the child process that decodes frames
``isolation``         starts the child process, limits its memory and time, and reads its result
``decoder_pool``      one child process for each frame that is decoded at the same time
``samples``           data set -> samples: which decoder reads which transfer syntax
``bits``              samples -> stored values
"""
