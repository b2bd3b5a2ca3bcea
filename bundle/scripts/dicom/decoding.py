"""DICOM file to data set and stored values; sizes are checked before anything is inflated or decoded.

pydicom parses and gives uncompressed pixels; imagecodecs (BSD-3-Clause) decodes all that is compressed. Of the plugins
that pydicom offers, only a GPL one decodes 12-bit JPEG and only GDCM, which ends the process on broken data, lossless
JPEG under another licence; imagecodecs was also the fastest for every syntax (``benchmarks/dicom_speed.py``).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.pixels import convert_color_space, get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

from .budget import HeaderBytes, HeaderFile, check_expansion, inflate
from .codestream import JPEG_2000, FrameHeader, read_frame_header
from .header import bit_layout
from .isolation import DECODER_PROCESS
from .refusal import RefusedInput

# pydicom's warnings quote the values of attributes, which may be the patient's; values are checked here where used.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")


class Decoder(NamedTuple):
    """How a transfer syntax is decoded.

    Attributes:
        function: name in imagecodecs.
        markers: start-of-frame markers that the syntax allows (PS3.5 8.2).
        lossy: whether the values that come out may differ from those that went in.
        options: keyword arguments.
    """

    function: str
    markers: frozenset[int]
    lossy: bool = False
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


JPEG, PROCESS_14 = "jpeg8_decode", frozenset({0xC3})  # libjpeg-turbo, in this process; the others in the child
JPEG_LS, JPEG_LS_FRAME = "jpegls_decode", frozenset({0xF7})
J2K, HTJ2K, SIZ = "jpeg2k_decode", "htj2k_decode", frozenset({JPEG_2000})
ONE_THREAD = {"numthreads": 1}
DECODERS = {
    "1.2.840.10008.1.2.4.50": Decoder(JPEG, frozenset({0xC0}), lossy=True),  # baseline, 8 bit
    "1.2.840.10008.1.2.4.51": Decoder(JPEG, frozenset({0xC0, 0xC1}), lossy=True),  # extended, 8 and 12 bit
    "1.2.840.10008.1.2.4.57": Decoder(JPEG, PROCESS_14),
    "1.2.840.10008.1.2.4.70": Decoder(JPEG, PROCESS_14),  # selection value 1
    "1.2.840.10008.1.2.4.80": Decoder(JPEG_LS, JPEG_LS_FRAME),
    "1.2.840.10008.1.2.4.81": Decoder(JPEG_LS, JPEG_LS_FRAME, lossy=True),
    "1.2.840.10008.1.2.4.90": Decoder(J2K, SIZ, options=ONE_THREAD),
    "1.2.840.10008.1.2.4.91": Decoder(J2K, SIZ, lossy=True, options=ONE_THREAD),
    "1.2.840.10008.1.2.4.201": Decoder(HTJ2K, SIZ),
    "1.2.840.10008.1.2.4.202": Decoder(HTJ2K, SIZ),  # by resolution
    "1.2.840.10008.1.2.4.203": Decoder(HTJ2K, SIZ, lossy=True),
}
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
MAX_TILES = 4096
MAX_OVERSHOOT = 0.1


def load_dataset(path: Path) -> Dataset:
    """Data set of a DICOM file; large values stay in the file until used.

    Raises:
        RefusedInput: ``NO_TRANSFER_SYNTAX``, ``INFLATED_SIZE``, ``HEADER_SIZE``, ``NESTING`` or ``NO_PREAMBLE``.
    """
    try:
        dataset = parse(path)
    except RecursionError as error:
        raise RefusedInput(
            "NESTING", "sequences in sequences, too deep to be parsed", "a few levels", "hundreds",
            "check the file; export the image again",
        ) from error  # fmt: skip
    if not dataset.file_meta.get("TransferSyntaxUID"):
        raise RefusedInput(
            "NO_TRANSFER_SYNTAX", "the encoding is not declared", "TransferSyntaxUID", "none",
            "store it again with a DICOM tool",
        )  # fmt: skip
    return dataset


def parse(path: Path) -> Dataset:
    """Data set of a DICOM file, of the three forms that a file comes in: whole, deflated, without preamble."""
    with path.open("rb") as file:
        has_preamble = file.read(132)[128:] == b"DICM"
    if not has_preamble:
        return pydicom.dcmread(HeaderBytes(add_preamble(path.read_bytes())))
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        with HeaderFile(path.open("rb", buffering=0)) as file:
            return pydicom.dcmread(file, defer_size="1 MB")
    # Preamble, DICM, the 12-byte group length, the group.
    content = inflate(path, 144 + int(meta.FileMetaInformationGroupLength))
    dataset = read_dataset(HeaderBytes(content), is_implicit_VR=False, is_little_endian=True)
    dataset.file_meta = meta
    return dataset


def add_preamble(content: bytes) -> bytes:
    """A file that starts with DICM, or with its meta group, as it should have been written (PS3.10 7.1).

    Raises:
        RefusedInput: ``NO_PREAMBLE`` if it is deflated too, whose size is only checked in whole files.
    """
    if DeflatedExplicitVRLittleEndian.encode() in content[:1024]:
        raise RefusedInput(
            "NO_PREAMBLE", "a deflated file without preamble", "128 bytes and DICM", "neither",
            "store it again with a DICOM tool",
        )  # fmt: skip
    return b"\0" * 128 + (b"" if content.startswith(b"DICM") else b"DICM") + content


def decode(dataset: Dataset) -> np.ndarray:
    """Stored values (H, W), or RGB (H, W, 3), of a header that ``complete_header`` passed.

    The low BitsStored bits below HighBit, signed as PixelRepresentation says, whatever the unused bits hold.

    Raises:
        RefusedInput: ``TRANSFER_SYNTAX``, ``DECODER_MISSING``, ``CODESTREAM``, ``GEOMETRY``, ``EXPANSION``,
            ``BIT_LAYOUT``, ``DECODE`` or ``DECODE_TIME``.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax in NATIVE:
            pixels = get_decoder(syntax).as_array(dataset, view_only=True, correct_unused_bits=False)[0]  # type: ignore[arg-type]
            if pixels.shape[:2] != (dataset.Rows, dataset.Columns):  # pydicom takes what is left over for more frames
                raise RefusedInput(
                    "GEOMETRY", "there are more pixels than the header says", f"{dataset.Rows} x {dataset.Columns}",
                    f"{len(pixels)} times as many", "export the image again",
                )  # fmt: skip
        elif syntax in DECODERS or syntax == RLELossless:
            pixels = decode_frame(dataset, syntax)
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
    return stored_bits(dataset, pixels) if pixels.ndim == 2 else pixels


def decode_frame(dataset: Dataset, syntax: UID) -> np.ndarray:
    """Decoded samples (H, W) or RGB (H, W, 3) of the one compressed frame."""
    try:
        import imagecodecs
    except ImportError as error:
        raise RefusedInput(
            "DECODER_MISSING", f"no decoder for {syntax.name}", "the package imagecodecs", "not installed",
            "pip install imagecodecs",
        ) from error  # fmt: skip
    frame = only_frame(dataset)
    shape = (dataset.Rows, dataset.Columns, *([3] if dataset.SamplesPerPixel == 3 else []))
    check_expansion(len(frame), int(np.prod(shape)) * dataset.BitsAllocated // 8)
    photometric = dataset.PhotometricInterpretation
    if syntax == RLELossless:
        planes = np.empty(np.prod(shape), f"<u{dataset.BitsAllocated // 8}")
        decoded = imagecodecs.dicomrle_decode(frame, planes.dtype, out=planes.data.cast("B"))
        if len(decoded) != planes.nbytes:
            raise ValueError("fewer samples than the header says")
        pixels = planes.reshape(shape) if len(shape) == 2 else np.moveaxis(planes.reshape(3, *shape[:2]), 0, -1)
        return to_rgb(pixels, photometric)
    decoder = DECODERS[syntax]
    header = check_frame_header(read_frame_header(frame), decoder, dataset)
    if decoder.function == JPEG:
        stored, shown = (None, None) if len(shape) == 2 else ("RGB" if photometric == "RGB" else "YCBCR", "RGB")
        return imagecodecs.jpeg8_decode(frame, colorspace=stored, outcolorspace=shown).reshape(shape)
    dtype = np.dtype(f"{'i' if header.signed else 'u'}{1 if header.precision <= 8 else 2}")
    return to_rgb(DECODER_PROCESS.decode(decoder.function, frame, shape, dtype, decoder.options), photometric)


def only_frame(dataset: Dataset) -> bytes:
    """The one compressed frame; straight from the file if its pixels were left there, which saves a copy of them."""
    element = dataset.get_item("PixelData", keep_deferred=True)
    if element.value is not None:
        return next(generate_frames(element.value, number_of_frames=1))
    with open(dataset.filename, "rb") as file:
        file.seek(element.value_tell)  # type: ignore[attr-defined]  # it is raw: nothing has been made of it yet
        return next(generate_frames(file, number_of_frames=1))


def check_frame_header(header: FrameHeader | None, decoder: Decoder, dataset: Dataset) -> FrameHeader:
    """The header of a codestream, which is of the kind and size that the header of the file says.

    Raises:
        RefusedInput: ``CODESTREAM`` or ``GEOMETRY``.
    """
    if header is None or header.marker not in decoder.markers or header.tiles > MAX_TILES or header.precision > 16:
        raise RefusedInput(
            "CODESTREAM", "the compressed pixels are not what the transfer syntax says",
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


def to_rgb(pixels: np.ndarray, photometric: str) -> np.ndarray:
    """Colour as RGB; JPEG and JPEG 2000 with a component transform have it already."""
    return convert_color_space(pixels, "YBR_FULL", "RGB") if photometric == "YBR_FULL" else pixels


def stored_bits(dataset: Dataset, pixels: np.ndarray) -> np.ndarray:
    """Stored values of samples whose other bits may hold anything (PS3.5 8.1.1).

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if a codestream has values that BitsStored cannot hold.
    """
    bits, shift = dataset.BitsStored, dataset.HighBit + 1 - dataset.BitsStored
    signed, size = dataset.PixelRepresentation == 1, 8 * pixels.dtype.itemsize
    if shift == 0 and signed == (pixels.dtype.kind == "i"):
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        if bits == size or (pixels.max() <= high and (not signed or pixels.min() >= low)):
            return pixels
        decoder = DECODERS.get(dataset.file_meta.TransferSyntaxUID)
        if decoder is not None:
            return clip_overshoot(pixels, low, high, decoder)
    # Up and down again: the unused bits above fall out, those below too, and the sign spreads.
    samples = pixels.astype(f"{'i' if signed else 'u'}{pixels.dtype.itemsize}")
    up = max(size - bits - shift, 0)
    return np.right_shift(np.left_shift(samples, up), up + shift)


def clip_overshoot(pixels: np.ndarray, low: int, high: int, decoder: Decoder) -> np.ndarray:
    """Values of a codestream within its range; lossy compression leaves it a little at edges.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if they leave it where nothing was lost, or by more than ``MAX_OVERSHOOT``.
    """
    margin = MAX_OVERSHOOT * (high - low) if decoder.lossy else 0
    if pixels.max() > high + margin or pixels.min() < low - margin:
        raise bit_layout(f"values in {low} to {high}, as BitsStored says", f"{pixels.min()} to {pixels.max()}")
    return np.clip(pixels, low, high)
