import pytest
from scripts.sr_training.validation_metrics import _compare, _mosaic, describe, draw_panel, measure_bicubic
from scripts.super_resolution.networks.weight_folder import save_network


def test_offset_has_its_known_psnr(crops):
    assert _compare(crops + 0.1, crops)["psnr"] == pytest.approx(20.0, abs=1e-3)


def test_consistency_raises_bicubic(crops):
    figures = measure_bicubic(crops)
    assert figures["bicubic_consistent"]["psnr"] > figures["bicubic"]["psnr"]
    assert "bicubic_consistent" in describe(figures)


def test_panel_has_a_column_for_each_enhancer_that_the_folder_has(crops, regression, tmp_path):
    save_network(regression, tmp_path / "regression")
    assert draw_panel(tmp_path, crops, device="cpu").read_bytes().startswith(b"\x89PNG")
    titles = [axis.get_title() for axis in _mosaic({"bicubic": crops[:2], "truth": crops[:2]}).axes]
    assert titles == ["bicubic", "truth", "", ""]
