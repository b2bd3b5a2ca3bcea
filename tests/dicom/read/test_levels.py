import numpy as np
import pytest
from scripts.dicom.decode.bits import Stored
from scripts.dicom.read.levels import find_levels, percentile

GENERATOR = np.random.default_rng(0)
IMAGES = {
    "unsigned": GENERATOR.integers(300, 4000, (70, 1000)).astype(np.uint16),
    "big endian": GENERATOR.integers(300, 4000, (70, 1000)).astype(">u2"),
    "bytes": GENERATOR.integers(0, 256, (70, 1000)).astype(np.uint8),
    "signed": GENERATOR.integers(-3000, 9000, (70, 1000)).astype(np.int16),
    "wide": GENERATOR.integers(0, 2**31, (70, 1000)).astype(np.uint32),
    "wide and signed": GENERATOR.integers(-(2**31), 2**31, (70, 1000)).astype(np.int32),
}


@pytest.mark.parametrize("name", IMAGES)
def test_table_of_the_levels_gives_the_image(name):
    stored = IMAGES[name]
    levels = find_levels(Stored.of(stored))
    np.testing.assert_array_equal(levels.values[levels.index], stored)
    np.testing.assert_array_equal(levels.look_up(levels.values / 7), (stored.astype(np.float64) / 7).astype(np.float32))
    assert {*levels.values[levels.extremes]} == {stored.min(), stored.max()}
    occurring, counts = np.unique(stored, return_counts=True)
    np.testing.assert_array_equal(levels.values[levels.counts > 0], occurring)
    np.testing.assert_array_equal(levels.counts[levels.counts > 0], counts)


@pytest.mark.parametrize("percent", [0, 0.5, 33.3, 50, 99.5, 100])
def test_percentile_as_of_numpy(percent):
    values, counts = GENERATOR.permutation(1000) * 0.7, GENERATOR.integers(0, 4, 1000)
    assert percentile(values, counts, percent) == pytest.approx(np.percentile(np.repeat(values, counts), percent))
