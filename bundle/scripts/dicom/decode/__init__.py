"""Decoding of a DICOM data set to stored values, in the order of the flow.

``frame``             data set -> its compressed frame
``rle``               removes the padding of RLE segments
``codestream``        compressed frame -> process, size and precision
``buffers``           reusable memory for pixels
``isolated_decoder``  program that runs a decoder in a child process
``isolation``         starts this child process, limits its time and memory, and reads its result
``decoder_pool``      one child process for each frame that is decoded at the same time
``samples``           data set -> samples: which decoder reads which transfer syntax
``bits``              samples -> stored values
"""
