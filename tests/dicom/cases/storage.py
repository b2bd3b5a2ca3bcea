"""Cases of pixel storage, description and orientation, and of headers that are rejected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.pixels import convert_color_space

from ..synthetic import make_dataset
from .case import EIGHT_BIT, FULL, FULL_EIGHT, STORED, Case, X, linear, refused, shown


def bits() -> Iterator[Case]:
    """Combinations of BitsStored, BitsAllocated and HighBit."""
    for stored in (10, 12, 14, 15, 16):
        pixels = (STORED.astype(np.uint32) * (2**stored - 1) // 4095).astype(np.uint16)
        window = {"WindowCenter": 2 ** (stored - 1), "WindowWidth": 2**stored}
        attributes = {"BitsStored": stored, "HighBit": stored - 1, **window}
        truth = linear(pixels.astype(float), *window.values())
        yield shown(f"{stored} bits in 16", truth, pixels, oracle="+Wi 1", **attributes)
    eight = (STORED >> 4).astype(np.uint8)
    yield shown("8 bits in 8", linear(eight.astype(float), 128, 256), eight, oracle="+Wi 1", **FULL_EIGHT)
    wide = {"BitsAllocated": 32, "BitsStored": 12, "HighBit": 11, **FULL}
    yield shown("12 bits in 32", linear(X, 2048, 4096), STORED.astype(np.uint32), **wide)
    twenty = STORED.astype(np.uint32) * 250
    attributes = {"BitsAllocated": 32, "BitsStored": 20, "HighBit": 19, "WindowCenter": 500000, "WindowWidth": 1000001}
    yield shown("20 bits in 32", linear(X * 250, 500000, 1000001), twenty, **attributes)
    for stored, high in ((12, 15), (10, 12), (12, 12)):
        values = STORED & (2**stored - 1)
        pixels = values << (high + 1 - stored)
        truth = linear(values.astype(float), 2048, 4096)
        yield shown(
            f"{stored} bits below bit {high}", truth, pixels, oracle="+Wi 1", BitsStored=stored, HighBit=high, **FULL
        )
    dirty = STORED | np.where(np.arange(64) % 3 == 0, 0xF000, 0).astype(np.uint16)
    yield shown("overlay in the high bits", linear(X, 2048, 4096), dirty, oracle="+Wi 1", **FULL)
    low = (STORED << 4) | np.uint16(7)
    yield shown("dirt in the low bits", linear(X, 2048, 4096), low, HighBit=15, **FULL)
    yield refused("high bit below the stored bits", "BIT_LAYOUT", HighBit=10, **FULL)
    yield refused("high bit outside", "BIT_LAYOUT", HighBit=16, **FULL)
    yield refused("17 bits in 16", "BIT_LAYOUT", BitsStored=17, HighBit=16, **FULL)
    yield refused("0 bits", "BIT_LAYOUT", BitsStored=0, **FULL)
    yield refused("1 bit allocated", "BIT_LAYOUT", BitsAllocated=1, **FULL)


def signs() -> Iterator[Case]:
    """Signed values of every width, also with unused bits above the sign bit that are set."""
    signed = STORED.astype(np.int16) - 2048
    window = {"PixelRepresentation": 1, "WindowCenter": 0, "WindowWidth": 4096}
    truth = linear(signed.astype(float), 0, 4096)
    yield shown("signed 12 bits", truth, signed, oracle="+Wi 1", **window)
    yield shown("signed 16 bits", truth, signed, oracle="+Wi 1", **window, BitsStored=16, HighBit=15)
    yield shown("signed 12 bits, high bits zero", truth, signed & 0x0FFF, oracle="+Wi 1", **window)
    yield shown("signed 12 bits below bit 15", truth, signed << 4, oracle="+Wi 1", **window, HighBit=15)
    eight = (signed >> 4).astype(np.int8)
    attributes = {**window, **EIGHT_BIT, "WindowWidth": 256}
    yield shown("signed 8 bits", linear(eight.astype(float), 0, 256), eight, **attributes)
    rescaled = {**window, "RescaleSlope": 2, "RescaleIntercept": 4096, "WindowCenter": 4096, "WindowWidth": 8192}
    yield shown("signed, rescaled", linear(signed * 2.0 + 4096, 4096, 8192), signed, oracle="+Wi 1", **rescaled)


def colours() -> Iterator[Case]:
    """Grey stored as colour, which is read, and colours, which are rejected."""
    grey = (STORED >> 4).astype(np.uint8)
    truth, three = grey / 255, np.stack([grey] * 3, -1)
    rgb = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0, **EIGHT_BIT}
    flag = {"flag": "grey stored as colour"}
    yield shown("RGB", truth, three, **rgb, **flag)
    planar = np.ascontiguousarray(np.moveaxis(three, -1, 0)).reshape(96, 64, 3)
    yield shown("RGB by plane", truth, planar, **{**rgb, "PlanarConfiguration": 1}, **flag)
    ybr = convert_color_space(three, "RGB", "YBR_FULL")
    yield shown("YBR_FULL", truth, ybr, **{**rgb, "PhotometricInterpretation": "YBR_FULL"}, **flag)
    tinted = three.copy()
    tinted[..., 2] //= 2
    yield refused("RGB with colours", "COLOUR", tinted, **rgb)
    for bits in (8, 16):
        entries = np.arange(256) * (257 if bits == 16 else 1)
        palette: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR", **EIGHT_BIT}
        for colour in ("Red", "Green", "Blue"):
            palette[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
            palette[f"{colour}PaletteColorLookupTableData"] = entries.astype(
                "<u2" if bits == 16 else np.uint8
            ).tobytes()
        yield shown(f"palette of {bits} bits", truth, grey, **palette, **flag)
    palette["BluePaletteColorLookupTableData"] = bytes(512)
    yield refused("palette with colours", "COLOUR", grey, **palette)


def orientations() -> Iterator[Case]:
    """Frontal views are turned to L, F, together with their spacing; other views are not."""
    truth = linear(X, 2048, 4096)
    for orientation, pixels in (
        (["L", "F"], STORED),
        (["R", "F"], STORED[:, ::-1]),
        (["L", "H"], STORED[::-1]),
        (["R", "H"], STORED[::-1, ::-1]),
        (["F", "L"], STORED.T),
        (["H", "L"], STORED.T[:, ::-1]),
        (["F", "R"], STORED.T[::-1]),
        (["H", "R"], STORED.T[::-1, ::-1]),
    ):
        attributes = {"PatientOrientation": orientation, **FULL}
        turned = np.ascontiguousarray(pixels)
        name = " ".join(orientation)
        yield shown(f"orientation {name}", truth, turned, spacing_mm=[0.2, 0.2], **attributes)
        if orientation != ["L", "F"]:
            attributes["flag"] = "turned to the standard orientation"
        for view in (None, "AP", "POSTEROANTERIOR", "FRONTAL", "UNKNOWN", "AP_SUPINE", "pa erect"):
            yield shown(f"orientation {name} of the view {view}", truth, turned, ViewPosition=view, **attributes)
    mirrored = np.ascontiguousarray(STORED[:, ::-1])
    for spelling in (["r", "f"], ["R ", "F "], "R\\F"):
        yield shown(f"orientation {spelling}", truth, mirrored, PatientOrientation=spelling, **FULL)
    lateral = {"ViewPosition": "LL", "PatientOrientation": ["P", "F"], "flag": "orientation not known"}
    yield shown("orientation of a lateral view", truth, **lateral, **FULL)
    yield shown("no orientation", truth, PatientOrientation=None, flag="orientation not known", **FULL)
    yield shown("oblique orientation", truth, PatientOrientation=["LA", "FP"], flag="orientation not known", **FULL)
    for orientation in ("", [], ["", ""], "R", ["R", "X"], ["R", "F", "L"]):
        attributes = {"PatientOrientation": orientation, "flag": "orientation not known"}
        yield shown(f"orientation {orientation}", truth, **attributes, **FULL)


def pixel_spacings() -> Iterator[Case]:
    """Oblong pixels are displayed as squares; a spacing that cannot be right is a flag."""
    tall, flag = linear(X, 2048, 4096), "resampled to square pixels"
    squared = resized(tall, (96, 128))
    keywords = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
    for keyword in keywords:
        attributes = {"ImagerPixelSpacing": None, keyword: [0.2, 0.4], "spacing_mm": [0.2, 0.2], "flag": flag, **FULL}
        yield shown(f"{keyword} 0.2 x 0.4", squared, atol=1e-6, **attributes)
    ratio = {"ImagerPixelSpacing": None, "PixelAspectRatio": [1, 2], "flag": flag, **FULL}
    yield shown("PixelAspectRatio 1:2", squared, atol=1e-6, **ratio)
    wide = np.ascontiguousarray(STORED.T)
    attributes = {"PatientOrientation": ["F", "L"], "ImagerPixelSpacing": [0.4, 0.2], "spacing_mm": [0.2, 0.2]}
    yield shown("oblong pixels of a film on its side", squared, wide, atol=1e-6, flag=flag, **attributes, **FULL)
    third = {"ImagerPixelSpacing": [0.3, 0.4], "spacing_mm": [0.3, 0.3], "flag": flag}
    yield shown("spacing 0.3 x 0.4", resized(tall, (96, 85)), atol=1e-6, **third, **FULL)
    for spacing in ([0.2, 0.201], [0.143, 0.1432]):
        yield shown(f"rounded spacing {spacing}", tall, ImagerPixelSpacing=spacing, spacing_mm=spacing, **FULL)
    contradiction = "pixel spacing doubtful, not resampled: the header contradicts itself"
    yield shown("two spacings", tall, PixelSpacing=[0.2, 0.4], flag=contradiction, **FULL)
    yield shown("spacing and ratio", tall, PixelAspectRatio=[1, 2], flag=contradiction, **FULL)
    long = "pixel spacing doubtful, not resampled: sides of 1 to 3.0"
    yield shown("spacing of a film of 1 to 3", tall, ImagerPixelSpacing=[0.4, 0.2], flag=long, **FULL)
    for spacing in ([0.2], "", [0, 0], [-1, 2], [0.2, 0.4, 0.1]):
        yield shown(f"spacing {spacing}", tall, ImagerPixelSpacing=spacing, **FULL)


def resized(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Image (H, W), bilinear between the centres of its pixels."""
    for axis, size in enumerate(shape):
        source = image.shape[axis]
        places = (np.arange(size) + 0.5) * source / size - 0.5
        rows = np.moveaxis(image, axis, 0).reshape(source, -1)
        rows = np.stack([np.interp(places, np.arange(source), column) for column in rows.T], axis=1)
        image = np.moveaxis(rows.reshape(size, *np.delete(image.shape, axis)), 0, axis)
    return image


def headers() -> Iterator[Case]:
    """Absent attributes that have only one possible value are filled in, with a flag."""
    truth = linear(X, 2048, 4096)
    yield shown("no BitsStored", truth, BitsStored=None, HighBit=None, flag="assumed BitsStored 16", **FULL)
    yield shown("no HighBit", truth, HighBit=None, flag="assumed HighBit 11", **FULL)
    yield shown("no PixelRepresentation", truth, PixelRepresentation=None, flag="assumed PixelRepresentation 0", **FULL)
    yield shown("no SamplesPerPixel", truth, SamplesPerPixel=None, flag="assumed SamplesPerPixel 1", **FULL)
    yield shown("one frame", truth, NumberOfFrames=1, oracle="+Wi 1", **FULL)
    yield shown("burned-in annotation", truth, BurnedInAnnotation="YES", flag="burned-in annotation", **FULL)
    for spelling in ("monochrome1", "Monochrome1", "MONOCHROME1\0", " monochrome1 "):
        yield shown(f"photometric {spelling!r}", 1 - truth, PhotometricInterpretation=spelling, **FULL)
    longer = make_dataset(STORED, **FULL)
    longer["PixelData"].value += bytes(600)
    yield Case("more pixels than rows and columns", longer, truth)


def refusals() -> Iterator[Case]:
    """Objects that are not displayable radiographs, or whose pixels are not described."""
    yield refused("no photometric interpretation", "PHOTOMETRIC", PhotometricInterpretation=None, **FULL)
    yield refused("unknown photometric interpretation", "PHOTOMETRIC", PhotometricInterpretation="HSV", **FULL)
    yield refused("three frames", "MULTIFRAME", NumberOfFrames=3, **FULL)
    yield refused("for processing", "FOR_PROCESSING", PresentationIntentType="FOR PROCESSING", **FULL)
    processing = "1.2.840.10008.5.1.4.1.1.1.1.1"
    yield refused("class for processing", "FOR_PROCESSING", SOPClassUID=processing, PresentationIntentType=None, **FULL)
    yield refused("no rows", "GEOMETRY", Rows=0, **FULL)
    yield refused("65535 x 65535", "PIXEL_BUDGET", Rows=65535, Columns=65535, **FULL)
    yield refused("fewer pixels than rows and columns", "DECODE", Rows=97, **FULL)
    yield refused("constant", "CONSTANT", np.full_like(STORED, 7), **FULL)
    yield refused("two samples", "BIT_LAYOUT", SamplesPerPixel=2, **FULL)
    yield refused("grey of three samples", "BIT_LAYOUT", np.stack([STORED] * 3, -1), SamplesPerPixel=3, **FULL)
    yield refused("RGB of one sample", "BIT_LAYOUT", PhotometricInterpretation="RGB", **FULL)
    yield refused("sign of 7", "BIT_LAYOUT", PixelRepresentation=7, **FULL)
    yield refused("unknown photometric interpretation in lower case", "PHOTOMETRIC", PhotometricInterpretation="hsv")
    empty = make_dataset(STORED, **FULL)
    del empty.PixelData
    yield Case("no pixels", empty, code="NO_PIXELS")
