"""Bits that the values of an image or a table use, where the file declares more."""

from __future__ import annotations

_USUAL_BITS = (8, 10, 12, 14, 15, 16)


def usual_bits(maximum: int) -> int:
    """The smallest usual number of bits that holds a maximum of at most 65535."""
    return next(bits for bits in _USUAL_BITS if maximum < 2**bits)


def table_bits(maximum: int, declared: int) -> tuple[int, list[str]]:
    """Bits of the display range of a look-up table, and a flag if it declares more.

    A table that uses less than half of its declared range cannot be meant: it would display nothing brighter than
    mid-grey. A table that exceeds its range has more bits than it declares.

    Args:
        maximum: Highest entry. A power of two counts as the end of the range below it.
        declared: Number of bits that the descriptor of the table declares.
    """
    bits = max((maximum - 1).bit_length(), 1)
    return bits, [f"look-up table uses {bits} of {declared} declared bits"] if bits < declared else []


def image_bits(maximum: int, declared: int) -> tuple[int, list[str]]:
    """Bits of the display range of an image that has no window, and a flag if fewer are used than declared.

    An image that is darker than a quarter of a range of more than 8 bits is taken to have fewer bits. A darker half may
    be meant and is only flagged.

    Args:
        maximum: Highest value.
        declared: Number of bits that the file declares.
    """
    if declared <= 8 or maximum >= 2 ** (declared - 1):
        return declared, []
    if maximum >= 2 ** (declared - 2):
        return declared, [f"less than half of the range of {declared} bits used"]
    bits = usual_bits(maximum)
    return bits, [f"range assumed from the maximum: {bits} bit"]
