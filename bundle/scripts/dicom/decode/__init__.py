"""DICOM data set to stored values, in the order of the flow.

``frame``             data set -> its compressed frame, where it lies in the file
``codestream``        compressed frame -> process, size and precision
``rooms``             memory for pixels that is used again
``isolated_decoder``  the program of a decoder in a process of its own
``isolation``         starts that process, limits its memory and time, and reads its result
``decoder_pool``      as many of these processes as frames are decoded at the same time
``samples``           data set -> samples: which decoder reads which transfer syntax
``bits``              samples -> stored values
"""
