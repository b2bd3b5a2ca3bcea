"""Cases of the modality, VOI and presentation steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.sequence import Sequence

from ..synthetic import lut_item, make_dataset
from .case import (
    FULL,
    FUNCTIONS,
    STORED,
    Case,
    X,
    between_percentiles,
    curve,
    linear,
    linear_exact,
    refused,
    shown,
    table,
)


def windows() -> Iterator[Case]:
    """Each VOI function with a wide, a narrow and a fractional window, in both polarities."""
    for function, formula in FUNCTIONS.items():
        for center, width in ((2048, 4096), (1000, 500), (3000.5, 77.25), (-200, 3000)):
            truth = formula(X, center, width)
            attributes = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function}
            # DCMTK has no LINEAR_EXACT.
            oracle = None if function == "LINEAR_EXACT" else "+Wi 1"
            yield shown(f"{function} {center}/{width}", truth, oracle=oracle, **attributes)
            inverse = {**attributes, "PhotometricInterpretation": "MONOCHROME1"}
            yield shown(f"{function} {center}/{width} MONOCHROME1", 1 - truth, oracle=oracle, **inverse)
    yield shown("function absent", linear(X, 1000, 500), oracle="+Wi 1", WindowCenter=1000, WindowWidth=500)
    yield shown("LINEAR width 1", linear(X, 1000, 1), WindowCenter=1000, WindowWidth=1)
    exact = {"WindowCenter": 1000.25, "WindowWidth": 0.5, "VOILUTFunction": "LINEAR_EXACT"}
    yield shown("LINEAR_EXACT width 0.5", linear_exact(X, 1000.25, 0.5), **exact)


def several_windows() -> Iterator[Case]:
    """The requested window of several; an index beyond the last is rejected."""
    centers, widths = [2048, 1000, 3000], [4096, 500, 100]
    attributes = {"WindowCenter": centers, "WindowWidth": widths}
    for index, (center, width) in enumerate(zip(centers, widths, strict=True)):
        truth = linear(X, center, width)
        yield shown(f"window {index} of 3", truth, window=index, oracle=f"+Wi {index + 1}", **attributes)
    yield refused("window 3 of 3", "WINDOW_INDEX", window=3, **attributes)
    yield refused("window 1 of none", "WINDOW_INDEX", window=1)
    explained = {**attributes, "WindowCenterWidthExplanation": ["NORMAL", "HARD", "SOFT"]}
    yield shown("windows with explanations", linear(X, 2048, 4096), **explained)


def rescales() -> Iterator[Case]:
    """Slope and intercept before the window."""
    for slope, intercept in ((2, -7), (0.5, 100), (-1, 4095), (1, -1000), (0.001, 0), (16, -32768)):
        center, width = 2048 * slope + intercept, abs(4000 * slope) + 1
        attributes = {"RescaleSlope": slope, "RescaleIntercept": intercept, "WindowCenter": center}
        function = {"WindowWidth": width, "VOILUTFunction": "LINEAR_EXACT"}
        truth = linear_exact(X * slope + intercept, center, width)
        yield shown(f"rescale {slope} {intercept}", truth, **attributes, **function)
    truth = linear(X * 2 - 7, 3000, 2000)
    window = {"WindowCenter": 3000, "WindowWidth": 2000}
    yield shown("rescale, LINEAR", truth, oracle="+Wi 1", RescaleSlope=2, RescaleIntercept=-7, **window)
    yield shown(
        "intercept only", linear(X - 1000, 1048, 4096), RescaleIntercept=-1000, WindowCenter=1048, WindowWidth=4096
    )
    for slope in ("0", "1e308", "-1e308"):
        yield refused(f"slope {slope}", "BAD_RESCALE", RescaleSlope=slope, RescaleIntercept=0, **FULL)
    yield refused("intercept 1e999", "BAD_RESCALE", RescaleSlope=1, RescaleIntercept="1e999", **FULL)


def modality_luts() -> Iterator[Case]:
    """Modality LUTs of 8 to 16 bits: rising, falling, and with a first mapped value above 0."""
    for bits in (8, 10, 12, 14, 16):
        entries = curve(4096, bits)
        window = {"WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
        attributes = {"ModalityLUTSequence": Sequence([lut_item(entries, bits)]), **window}
        truth = linear(table(X, entries, 0), *window.values())
        yield shown(f"modality LUT {bits} bit", truth, oracle="+Wi 1", **attributes)
    falling = 4095 - curve(4096, 12)
    attributes = {"ModalityLUTSequence": Sequence([lut_item(falling, 12)]), **FULL}
    yield shown("modality LUT falling", linear(table(X, falling, 0), 2048, 4096), oracle="+Wi 1", **attributes)
    late = curve(1000, 12)
    attributes = {"ModalityLUTSequence": Sequence([lut_item(late, 12, first=1000)]), **FULL}
    yield shown("modality LUT from 1000", linear(table(X, late, 1000), 2048, 4096), oracle="+Wi 1", **attributes)
    signed = {
        "PixelRepresentation": 1,
        "ModalityLUTSequence": Sequence([lut_item(curve(4096, 12), 12, first=65536 - 2048)]),
    }
    truth = linear(table(X - 2048, curve(4096, 12), -2048), 2048, 4096)
    yield shown("modality LUT of signed values", truth, STORED.astype(np.int16) - 2048, **signed, **FULL)
    packed = {"ModalityLUTSequence": Sequence([lut_item(curve(4096, 8), 8, packed=True)])}
    truth = linear(table(X, curve(4096, 8), 0), 128, 256)
    yield shown("modality LUT 8 bit packed", truth, **packed, WindowCenter=128, WindowWidth=256)
    hump = np.concatenate([curve(2048, 12), curve(2048, 12)[::-1]])
    attributes = {"ModalityLUTSequence": Sequence([lut_item(hump, 12)]), **FULL}
    yield shown("modality LUT up and down", linear(table(X, hump, 0), 2048, 4096), **attributes)


def voi_luts() -> Iterator[Case]:
    """VOI LUTs of any depth and encoding, which take precedence over a window."""
    forms = (
        (8, "OW", True),
        (8, "OW", False),
        (8, "US", False),
        (10, "OW", False),
        (12, "OW", False),
        (12, "US", False),
    )
    for bits, vr, packed in (*forms, (14, "OW", False), (16, "OW", False), (16, "US", False)):
        entries, name = curve(4096, bits), f"VOI LUT {bits} bit {vr}{' packed' if packed else ''}"
        truth = table(X, entries, 0) / (2**bits - 1)
        items = Sequence([lut_item(entries, bits, packed=packed, vr=vr)])
        oracle = "+Wl 1"
        yield shown(name, truth, VOILUTSequence=items, oracle=oracle, WindowCenter=9, WindowWidth=9)
        inverse = {"PhotometricInterpretation": "MONOCHROME1", "VOILUTSequence": items}
        yield shown(f"{name} MONOCHROME1", 1 - truth, **inverse)
    late = curve(1000, 12)
    items = Sequence([lut_item(late, 12, first=1000)])
    yield shown("VOI LUT from 1000", table(X, late, 1000) / 4095, oracle="+Wl 1", VOILUTSequence=items)
    wide = curve(65536, 16)
    sixteen = {"BitsStored": 16, "HighBit": 15, "VOILUTSequence": Sequence([lut_item(wide, 16)])}
    yield shown("VOI LUT of 65536 entries", table(X * 16, wide, 0) / 65535, STORED * 16, **sixteen)
    two = Sequence([lut_item(curve(4096, 12), 12), lut_item(curve(4096, 12, 0.5), 12)])
    truth = table(X, curve(4096, 12, 0.5), 0) / 4095
    yield shown("VOI LUT 1 of 2", truth, oracle="+Wl 2", VOILUTSequence=two, window=1)
    yield refused("VOI LUT 2 of 2", "WINDOW_INDEX", VOILUTSequence=two, window=2)
    below = Sequence([lut_item(curve(4096, 12), 12, first=65536 - 1024)])
    truth = table(X - 1024, curve(4096, 12), -1024) / 4095
    yield shown("VOI LUT from -1024", truth, VOILUTSequence=below, RescaleSlope=1, RescaleIntercept=-1024)
    high = Sequence([lut_item(curve(4096, 12), 12, first=40000)])
    truth = table(X + 40000, curve(4096, 12), 40000) / 4095
    yield shown("VOI LUT from 40000", truth, VOILUTSequence=high, RescaleSlope=1, RescaleIntercept=40000)
    undeclared = Sequence([lut_item(curve(4096, 12), 10)])
    yield shown("VOI LUT with more bits than declared", table(X, curve(4096, 12), 0) / 4095, VOILUTSequence=undeclared)
    for bits, declared, flag in (
        (12, 16, "look-up table uses 12 of 16 declared bits"),
        (8, 12, "look-up table uses 8 of 12 declared bits"),
        (8, 16, "look-up table uses 8 of 16 declared bits"),
        (14, 16, "look-up table uses 14 of 16 declared bits"),
        (10, 12, "look-up table uses 10 of 12 declared bits"),
        (15, 16, "look-up table uses 15 of 16 declared bits"),
    ):
        for vr in ("OW", "US"):
            for name, entries in (("rising", curve(4096, bits)), ("falling", 2**bits - 1 - curve(4096, bits))):
                items = Sequence([lut_item(entries, declared, vr=vr)])
                truth = table(X, entries, 0) / (2**bits - 1)
                name = f"{name} VOI LUT {bits} in {declared} bits {vr}"
                yield shown(name, truth, VOILUTSequence=items, flag=flag)
    packed = Sequence([lut_item(curve(4096, 8), 16, packed=True)])
    truth = table(X, curve(4096, 8), 0) / 255
    flag = "look-up table uses 8 of 16 declared bits"
    yield shown("VOI LUT of bytes in 16 bits", truth, VOILUTSequence=packed, flag=flag)
    dim = Sequence([lut_item(curve(4096, 12) * 3 // 4, 12)])
    truth = table(X, curve(4096, 12) * 3 // 4, 0) / 4095
    yield shown("VOI LUT that ends at three quarters", truth, VOILUTSequence=dim)
    over = curve(4096, 12)
    over[-1] = 4096
    truth = np.minimum(table(X, over, 0) / 4095, 1)
    yield shown("VOI LUT that ends one above 12 bits", truth, VOILUTSequence=Sequence([lut_item(over, 12)]))
    short = lut_item(np.arange(4096), 12)
    short.LUTDescriptor = [5000, 0, 12]
    yield refused("VOI LUT too short", "BAD_LUT", VOILUTSequence=Sequence([short]))
    odd = lut_item(np.arange(4096), 12)
    odd.LUTDescriptor = [4096, 0, 33]
    yield refused("VOI LUT of 33 bits", "BAD_LUT", VOILUTSequence=Sequence([odd]))


def presentation() -> Iterator[Case]:
    """Inversion, applied once, relative to the range of the display and not of the content."""
    narrow = np.clip(STORED, 1000, 3000)
    truth = linear(narrow.astype(float), 2048, 4096)
    for photometric, shape, inverted in (
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ):
        attributes = {"PhotometricInterpretation": photometric, **({"PresentationLUTShape": shape} if shape else {})}
        oracle = "+Wi 1" if shape != "INVERSE" else None
        name = f"{photometric} {shape}"
        yield shown(name, 1 - truth if inverted else truth, narrow, oracle=oracle, **attributes, **FULL)


def padding() -> Iterator[Case]:
    """Padding is black in both polarities and excluded from the statistics."""
    pixels = np.clip(STORED, 100, 4000)
    pixels[:, :6], pixels[:, 6:10] = 4095, 4090
    inside = np.arange(64)[None] >= np.full((96, 1), 10)
    x = pixels.astype(float)
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        attributes = {
            "PhotometricInterpretation": photometric,
            "PixelPaddingValue": 4095,
            "PixelPaddingRangeLimit": 4090,
        }
        for name, window, display in (
            ("window", FULL, linear(x, 2048, 4096)),
            ("none", {}, between_percentiles(x, inside)),
        ):
            polar = 1 - display if photometric == "MONOCHROME1" else display
            truth = np.where(inside, polar, 0)
            yield shown(f"padding {name} {photometric}", truth, pixels, flag="padding masked", **attributes, **window)
    low = np.where(inside, pixels, 0).astype(np.uint16)
    truth = np.where(low == 0, 0, linear(low.astype(float), 2048, 4096))
    yield shown("padding value 0", truth, low, PixelPaddingValue=0, **FULL)
    signed = np.where(inside, pixels.astype(np.int16) - 2048, -2000).astype(np.int16)
    dataset = make_dataset(signed, PixelRepresentation=1, WindowCenter=0, WindowWidth=4096)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    truth = np.where(signed == -2000, 0, linear(signed.astype(float), 0, 4096))
    yield Case("padding negative, written unsigned", dataset, truth, flag="padding masked")
    table_of = Sequence([lut_item(curve(4096, 12), 12)])
    truth = np.where(x == 4095, 0, table(x, curve(4096, 12), 0) / 4095)
    yield shown("padding, VOI LUT", truth, pixels, PixelPaddingValue=4095, VOILUTSequence=table_of)
    yield refused("nothing but padding", "CONSTANT", np.full_like(STORED, 7), PixelPaddingValue=7, **FULL)


def no_window() -> Iterator[Case]:
    """Percentiles, with a flag, if no window can be applied."""
    truth = between_percentiles(X)
    yield shown("window missing", truth, flag="window missing")
    yield shown("window missing MONOCHROME1", 1 - truth, flag="window missing", PhotometricInterpretation="MONOCHROME1")
    yield shown("window without width", truth, flag="window invalid", WindowCenter=2048)
    yield shown("window empty", truth, flag="window invalid", WindowCenter="", WindowWidth="")
    for width in (0, -5, 0.5):
        yield shown(f"window of width {width}", truth, flag="window invalid", WindowCenter=2048, WindowWidth=width)
    yield shown("window of width NaN", truth, flag="window invalid", WindowCenter=2048, WindowWidth="nan")
    yield shown("window of no function", truth, flag="window invalid", VOILUTFunction="BOGUS", **FULL)
    for center in (90000, -90000):
        name = f"window at {center}"
        yield shown(name, truth, flag="window blanks the image", WindowCenter=center, WindowWidth=4096)
    for width in (65536, 40000):
        name, flag = f"window of {width} for 12 bits", "window blanks the image"
        yield shown(name, truth, flag=flag, WindowCenter=width // 2, WindowWidth=width)
    flat = Sequence([lut_item(np.full(4096, 9), 12)])
    yield shown("VOI LUT that blanks", truth, flag="window blanks the image", VOILUTSequence=flat)
    lut = Sequence([lut_item(4095 - curve(4096, 12), 12)])
    falling = between_percentiles(4095 - table(X, curve(4096, 12), 0))
    yield shown("window missing after a modality LUT", falling, flag="window missing", ModalityLUTSequence=lut)
    yield shown(
        "window missing, slope -1", between_percentiles(-X), flag="window missing", RescaleSlope=-1, RescaleIntercept=0
    )
    twenty = {"BitsAllocated": 32, "BitsStored": 20, "HighBit": 19}
    yield shown("window missing, 20 bits", between_percentiles(X * 250), STORED.astype(np.uint32) * 250, **twenty)
