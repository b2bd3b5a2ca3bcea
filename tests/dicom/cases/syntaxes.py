"""Cases of transfer syntaxes and of unusual codestreams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from ..synthetic import make_dataset
from .case import EIGHT_BIT, FULL, FULL_EIGHT, SMOOTH, STORED, Case, X, linear


def encode(syntax: str, pixels: np.ndarray) -> bytes:
    """Encode one frame in a compressed syntax, given by the last part of its UID."""
    bits = 8 if pixels.dtype.itemsize == 1 else 12
    if syntax in ("50", "51"):
        return imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=bits)
    if syntax in ("57", "70"):
        predictor, precision = 4 if syntax == "57" else 1, 8 * pixels.dtype.itemsize
        return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=precision)
    if syntax in ("80", "81"):
        return imagecodecs.jpegls_encode(pixels, level=2 if syntax == "81" else 0)
    if syntax in ("90", "91"):
        rate = {"reversible": True, "level": 0} if syntax == "90" else {"reversible": False, "level": 70}
        return imagecodecs.jpeg2k_encode(pixels, codecformat="J2K", bitspersample=bits, **rate)
    return imagecodecs.htj2k_encode(pixels, reversible=syntax != "203")


def compressed(syntax: str, pixels: np.ndarray, **attributes: Any) -> Dataset:
    """File in a compressed syntax."""
    dataset = make_dataset(pixels, **attributes)
    dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
    dataset.add_new("PixelData", "OB", encapsulate([encode(syntax, pixels)]))
    return dataset


def transfer_syntaxes() -> Iterator[Case]:
    """Sixteen transfer syntaxes. Lossy ones encode an image without edges and differ by less than one of 255 levels."""
    truth, smooth = linear(X, 2048, 4096), linear(SMOOTH.astype(float), 2048, 4096)
    window = ["+Wi", "1"]
    for uid, byte_order in (("1.2.840.10008.1.2", "<"), ("1.2.840.10008.1.2.2", ">"), ("1.2.840.10008.1.2.1.99", "<")):
        dataset = make_dataset(STORED.astype(f"{byte_order}u2"), **FULL)
        dataset.file_meta.TransferSyntaxUID = uid
        yield Case(f"transfer syntax {uid}", dataset, truth, oracle=window)
    run_length = make_dataset(STORED, **FULL)
    run_length.compress("1.2.840.10008.1.2.5", encoding_plugin="pydicom")
    yield Case("transfer syntax RLE", run_length, truth, oracle=window)
    for syntax in ("57", "70", "80", "90", "201", "202"):
        oracle = window if syntax in ("57", "70", "80") else None  # dcm2pnm decodes no JPEG 2000
        yield Case(f"transfer syntax {syntax}, lossless", compressed(syntax, STORED, **FULL), truth, oracle=oracle)
    for syntax in ("51", "81", "91", "203"):
        dataset = compressed(syntax, SMOOTH, **FULL)
        yield Case(
            f"transfer syntax {syntax}, lossy", dataset, smooth, atol=1 / 255, oracle=window if syntax == "51" else None
        )
    eight = (SMOOTH >> 4).astype(np.uint8)
    truth = linear(eight.astype(float), 128, 256)
    yield Case(
        "transfer syntax 50, lossy", compressed("50", eight, **FULL_EIGHT), truth, atol=1.01 / 255, oracle=window
    )
    video = compressed("90", STORED, **FULL)
    video.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    yield Case("transfer syntax of a video", video, code="TRANSFER_SYNTAX")


def compressed_kinds() -> Iterator[Case]:
    """Signed, coloured, fragmented and wrongly labelled codestreams."""
    signed = STORED.astype(np.int16) - 2048
    window = {"PixelRepresentation": 1, "WindowCenter": 0, "WindowWidth": 4096}
    truth = linear(signed.astype(float), 0, 4096)
    yield Case("signed JPEG 2000", compressed("90", signed, **window), truth)
    yield Case("signed HTJ2K", compressed("201", signed, **window), truth)
    for syntax in ("70", "80"):  # neither has signed samples: the bit patterns are stored
        dataset = compressed(syntax, (signed & 0x0FFF).astype(np.uint16), **window)
        yield Case(f"signed {syntax}", dataset, truth)
    run_length = make_dataset(signed, **window)
    run_length.compress("1.2.840.10008.1.2.5", encoding_plugin="pydicom")
    yield Case("signed RLE", run_length, truth)
    grey = (STORED >> 4).astype(np.uint8)
    rgb = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0, **EIGHT_BIT}
    for syntax in ("70", "80", "90", "201"):
        yield Case(f"RGB {syntax}", compressed(syntax, np.stack([grey] * 3, -1), **rgb), grey / 255)
    ybr = {**rgb, "PhotometricInterpretation": "YBR_FULL_422"}
    smooth = (SMOOTH >> 4).astype(np.uint8)
    dataset = compressed("50", np.stack([smooth] * 3, -1), **ybr)
    yield Case("YBR 50", dataset, smooth / 255, atol=1.01 / 255)
    split = compressed("90", STORED, **FULL)
    frame = encode("90", STORED)
    split.PixelData = encapsulate([frame], fragments_per_frame=3)
    yield Case("three fragments", split, linear(X, 2048, 4096))
    misplaced = compressed("90", STORED, **FULL)
    middle = len(frame) // 4 * 2
    offsets = struct.pack("<HHL2L", 0xFFFE, 0xE000, 8, 0, middle + 8)  # of fragments, where those of frames should be
    fragments = (struct.pack("<HHL", 0xFFFE, 0xE000, len(part)) + part for part in (frame[:middle], frame[middle:]))
    misplaced.PixelData = offsets + b"".join(fragments)
    yield Case("offset table of the fragments", misplaced, linear(X, 2048, 4096))
    for syntax in ("57", "70", "80", "90", "201"):
        for padding in (bytes(20), bytes(63), bytes(64), bytes(5000), b"\xff" * 200, b"\0\xff" * 100):
            padded = compressed(syntax, STORED, **FULL)
            padded.PixelData = encapsulate([encode(syntax, STORED) + padding])
            name = f"{len(padding)} bytes {padding[0]:02X}{padding[1]:02X} after a codestream of {syntax}"
            yield Case(name, padded, linear(X, 2048, 4096))
    thumbnail = encode("50", (SMOOTH >> 4).astype(np.uint8)[:32, :32].copy())
    header = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail  # APP1, which has an end marker of its own
    frame = encode("70", STORED)
    for name, stop, expected in (("", None, {"truth": linear(X, 2048, 4096)}), (", cut", -500, {"code": "CODESTREAM"})):
        preview = compressed("70", STORED, **FULL)
        preview.PixelData = encapsulate([frame[:2] + header + frame[2:stop]])
        yield Case(f"codestream with a thumbnail{name}", preview, **expected)
    frame = encode("90", STORED)
    for syntax in ("51", "70", "80", "90", "201"):
        cut = compressed(syntax, STORED, **FULL)
        frame = encode(syntax, STORED)
        cut.PixelData = encapsulate([frame[: 9 * len(frame) // 10]])
        yield Case(f"codestream of {syntax} that is cut", cut, code="CODESTREAM")
    mislabelled = compressed("90", STORED, **FULL)
    mislabelled.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    yield Case("codestream of another syntax", mislabelled, code="CODESTREAM")
    other = compressed("80", STORED, **FULL)
    other.Rows = 95
    yield Case("codestream of another size", other, code="GEOMETRY")
    deeper = compressed("70", (STORED << 2), **FULL)
    yield Case("codestream of more bits", deeper, code="BIT_LAYOUT")
    ringing = SMOOTH.clip(0, 4090)
    ringing[:, ::9] = 1023  # of 10 bits; what is above them came with the compression
    attributes = {"BitsStored": 10, "HighBit": 9, "WindowCenter": 512, "WindowWidth": 1024}
    over = compressed("81", (ringing // 4 + 10).astype(np.uint16), **attributes)
    truth = linear(np.minimum(ringing // 4 + 10, 1023).astype(float), 512, 1024)
    yield Case("overshoot of lossy compression", over, truth, atol=2.01 / 1023)
    over = compressed("81", STORED, **attributes)
    yield Case("lossy codestream of more bits", over, code="BIT_LAYOUT")
    yield Case("high bit of a codestream", compressed("80", STORED, HighBit=13, **FULL), code="BIT_LAYOUT")
