"""DICOM data set to samples. Sizes are checked before anything is decoded.

pydicom reads uncompressed pixels; imagecodecs (BSD-3-Clause) decodes all compressed ones. Among pydicom's own plugins,
only a GPL one decodes 12-bit JPEG, and the only one under another licence for lossless JPEG is GDCM, which ends the
process on broken data. imagecodecs was also the fastest for every syntax (``benchmarks/dicom_speed.py``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import convert_color_space, get_decoder
from pydicom.uid import UID, RLELossless

from ...common.refusal import RefusedInput
from ..budget import check_expansion
from ..header import COLOUR
from .buffers import BUFFERS
from .codestream import JPEG_2000, FrameHeader, read_frame_header
from .decoder_pool import DECODER_POOL
from .frame import read_frame
from .rle import trim_segments


class Decoder(NamedTuple):
    """Decoder of a transfer syntax.

    Attributes:
        function: Name of the function in imagecodecs.
        markers: Start-of-frame markers that the syntax allows (PS3.5 8.2).
        lossy: Whether decoded values may differ from the encoded ones.
        parallel: Whether the function can use several processors for one frame.
    """

    function: str
    markers: frozenset[int]
    lossy: bool = False
    parallel: bool = False


_JPEG, _PROCESS_14 = "jpeg8_decode", frozenset({0xC3})  # libjpeg-turbo, in this process; all others run in the child
_JPEG_LS, _JPEG_LS_FRAME = "jpegls_decode", frozenset({0xF7})
_J2K, _HTJ2K, _SIZ = "jpeg2k_decode", "htj2k_decode", frozenset({JPEG_2000})
DECODERS = {
    "1.2.840.10008.1.2.4.50": Decoder(_JPEG, frozenset({0xC0}), lossy=True),  # baseline, 8 bit
    "1.2.840.10008.1.2.4.51": Decoder(_JPEG, frozenset({0xC0, 0xC1}), lossy=True),  # extended, 8 and 12 bit
    "1.2.840.10008.1.2.4.57": Decoder(_JPEG, _PROCESS_14),
    "1.2.840.10008.1.2.4.70": Decoder(_JPEG, _PROCESS_14),  # selection value 1
    "1.2.840.10008.1.2.4.80": Decoder(_JPEG_LS, _JPEG_LS_FRAME),
    "1.2.840.10008.1.2.4.81": Decoder(_JPEG_LS, _JPEG_LS_FRAME, lossy=True),
    "1.2.840.10008.1.2.4.90": Decoder(_J2K, _SIZ, parallel=True),
    "1.2.840.10008.1.2.4.91": Decoder(_J2K, _SIZ, lossy=True, parallel=True),
    "1.2.840.10008.1.2.4.201": Decoder(_HTJ2K, _SIZ),
    "1.2.840.10008.1.2.4.202": Decoder(_HTJ2K, _SIZ),  # by resolution
    "1.2.840.10008.1.2.4.203": Decoder(_HTJ2K, _SIZ, lossy=True),
}
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
_START_BYTES = 1 << 16  # contain the header of a codestream, unless large application data precede it
_END_OF_IMAGE = b"\xff\xd9"  # EOI of JPEG and JPEG-LS, EOC of JPEG 2000; never inside the encoded data
_MAX_TILES = 4096


def decode(dataset: Dataset) -> np.ndarray:
    """Decode the samples (H, W), or RGB (H, W, 3), of a data set that was checked by ``complete_header``.

    Raises:
        RefusedInput: ``TRANSFER_SYNTAX``, ``DECODER_MISSING``, ``CODESTREAM``, ``GEOMETRY``, ``EXPANSION``,
            ``DECODE`` or ``DECODE_TIME``.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax in _NATIVE:
            pixels = get_decoder(syntax).as_array(dataset, view_only=True, correct_unused_bits=False)[0]  # type: ignore[arg-type]
            if pixels.shape[:2] != (dataset.Rows, dataset.Columns):  # pydicom reads surplus bytes as further frames
                raise RefusedInput(
                    "GEOMETRY", "there are more pixels than the header declares", f"{dataset.Rows} x {dataset.Columns}",
                    f"{len(pixels)} times as many", "export the image again",
                )  # fmt: skip
        elif syntax in DECODERS or syntax == RLELossless:
            pixels = _decode_frame(dataset, syntax)
        else:
            raise RefusedInput(
                "TRANSFER_SYNTAX", "the encoding of the pixels is not supported", "a still-image transfer syntax",
                syntax.name if syntax.is_transfer_syntax else "a private one", "store it uncompressed",
            )  # fmt: skip
    except (RefusedInput, MemoryError):
        raise
    except Exception as error:
        raise RefusedInput(
            "DECODE", "the pixels cannot be decoded", f"complete pixel data in {syntax.name}", type(error).__name__,
            "copy the file again, or store it uncompressed",
        ) from error  # fmt: skip
    return pixels


def _decode_frame(dataset: Dataset, syntax: UID) -> np.ndarray:
    """Decode the samples (H, W) or RGB (H, W, 3) of the compressed frame."""
    try:
        import imagecodecs  # noqa: F401 - used here and in the child
    except ImportError as error:
        raise RefusedInput(
            "DECODER_MISSING", f"no decoder for {syntax.name}", "the package imagecodecs", "not installed",
            "pip install imagecodecs",
        ) from error  # fmt: skip
    samples = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    frame = read_frame(dataset)
    check_expansion(len(frame), samples * dataset.BitsAllocated // 8)
    return _decode_rle(frame, dataset) if syntax == RLELossless else _decode_codestream(frame, dataset)


def _decode_rle(frame: bytes, dataset: Dataset) -> np.ndarray:
    """Decode samples (H, W), or RGB (H, W, 3) from colour planes that are encoded one after the other (PS3.5 G).

    Raises:
        ValueError: There are fewer samples than the header declares.
    """
    import imagecodecs

    shape = (dataset.SamplesPerPixel, dataset.Rows, dataset.Columns)
    dtype = np.dtype(f"<u{dataset.BitsAllocated // 8}")
    planes = BUFFERS.array(shape, dtype)
    out = planes.data.cast("B")
    try:
        decoded = imagecodecs.dicomrle_decode(frame, dtype, out=out)
    except imagecodecs.DicomrleError:
        segments, size = dataset.SamplesPerPixel * dtype.itemsize, dataset.Rows * dataset.Columns
        decoded = imagecodecs.dicomrle_decode(trim_segments(frame, segments, size), dtype, out=out)
    if len(decoded) != planes.nbytes:
        raise ValueError("fewer samples than the header declares")
    return _to_rgb(planes[0] if len(planes) == 1 else np.moveaxis(planes, 0, -1), dataset.PhotometricInterpretation)


def _decode_codestream(frame: bytes, dataset: Dataset) -> np.ndarray:
    """Decode the samples (H, W) or RGB (H, W, 3) of a codestream whose header agrees with that of the file."""
    decoder, photometric = DECODERS[dataset.file_meta.TransferSyntaxUID], dataset.PhotometricInterpretation
    header = read_frame_header(frame[:_START_BYTES]) or read_frame_header(frame)
    header = _check_frame_header(header, decoder, dataset)
    frame = _without_padding(frame, header)
    shape = (dataset.Rows, dataset.Columns, *([3] if dataset.SamplesPerPixel == 3 else []))
    if decoder.function == _JPEG:
        return _decode_jpeg(frame, photometric).reshape(shape)
    dtype = np.dtype(f"{'i' if header.signed else 'u'}{1 if header.precision <= 8 else 2}")
    pixels = DECODER_POOL.decode(decoder.function, frame, shape, dtype, parallel=decoder.parallel)
    return _to_rgb(pixels, photometric)


def _decode_jpeg(stream: bytes, photometric: str) -> np.ndarray:
    """Decode a JPEG stream in this process. Its colour space is that of the DICOM header, not that of its markers."""
    import imagecodecs

    if photometric in COLOUR - {"PALETTE COLOR"}:
        stored = "RGB" if photometric == "RGB" else "YCBCR"
        return imagecodecs.jpeg8_decode(stream, colorspace=stored, outcolorspace="RGB")
    return imagecodecs.jpeg8_decode(stream)


def _check_frame_header(header: FrameHeader | None, decoder: Decoder, dataset: Dataset) -> FrameHeader:
    """Check that a codestream has the type and size that the header of the file declares.

    Raises:
        RefusedInput: ``CODESTREAM`` or ``GEOMETRY``.
    """
    if header is None or header.marker not in decoder.markers or header.tiles > _MAX_TILES or header.precision > 16:
        raise RefusedInput(
            "CODESTREAM", "the compressed pixels do not match the transfer syntax",
            dataset.file_meta.TransferSyntaxUID.name, "another codestream, or none", "store it again with a DICOM tool",
        )  # fmt: skip
    expected = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    found = (header.height, header.width, header.components)
    if found != expected:
        raise RefusedInput(
            "GEOMETRY", "header and compressed pixels differ in size", " x ".join(map(str, expected)),
            " x ".join(map(str, found)), "export the image again",
        )  # fmt: skip
    return header


def _without_padding(frame: bytes, header: FrameHeader) -> bytes:
    """Cut a frame at the end of its codestream; writers pad frames with any number of bytes.

    A truncated codestream is rejected: libjpeg-turbo fills the rest with grey, and OpenJPH blurs it (measured).

    Raises:
        RefusedInput: ``CODESTREAM``.
    """
    end = frame.rfind(_END_OF_IMAGE, header.position)  # a thumbnail before the header may have an end marker too
    if end < 0:
        raise RefusedInput(
            "CODESTREAM", "the compressed pixels end early", "FF D9, the end of a codestream", "none",
            "copy or export the image again",
        )  # fmt: skip
    return frame[: end + len(_END_OF_IMAGE)]


def _to_rgb(pixels: np.ndarray, photometric: str) -> np.ndarray:
    """Convert colour to RGB. The decoders of JPEG and of the JPEG 2000 component transform have already done so."""
    return convert_color_space(pixels, "YBR_FULL", "RGB") if photometric == "YBR_FULL" else pixels
