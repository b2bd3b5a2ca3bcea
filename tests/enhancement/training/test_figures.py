import pytest
from scripts.enhancement.training.figures import compare, describe, measure_bicubic


def test_offset_has_its_known_psnr(crops):
    assert compare(crops + 0.1, crops)["psnr"] == pytest.approx(20.0, abs=1e-3)


def test_consistency_raises_bicubic(crops):
    figures = measure_bicubic(crops)
    assert figures["bicubic_consistent"]["psnr"] > figures["bicubic"]["psnr"]
    assert "bicubic_consistent" in describe(figures)
