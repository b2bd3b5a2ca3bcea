import re

import numpy as np
import pytest
from PIL import Image
from scripts.experiments.sr_evaluation.sr_report import write_report
from scripts.experiments.sr_evaluation.sr_summary import RadiographScores, summarise


@pytest.fixture
def content(tmp_path):
    """Two sizes, two enhancers; the second is better by 0.5 dB on every radiograph and has no figure of its seeds."""
    rows = []
    for size in ("512", "native"):
        for image in range(8):
            for name, extra in (("bicubic", 0.0), ("<ldm>", 0.5)):
                figures = {
                    "psnr_truth_region": 30.0 + image + extra,
                    "loss_rate": 0.02,
                    "nps_1_db": -20.0 + 10 * extra,
                    "seed_deviation": None,
                    "regions": 4,
                }
                rows.append(RadiographScores(size, name, image, image // 2, figures))
    (tmp_path / "panels").mkdir()
    for name in ("bicubic", "<ldm>"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "panels" / f"{name}.png")
    settings = {"bootstrap": 200, "gains": {"<ldm>": 0.6}}
    summary = summarise(rows, replicates=200, seed=0)
    return {"settings": settings, "summary": summary, "rows": [vars(row) for row in rows]}


def test_a_table_for_each_size_with_paired_intervals_and_a_panel_for_each_enhancer(content, tmp_path):
    html = write_report(content, tmp_path).read_text()
    assert re.findall(r"<h3>(.*?)</h3>", html) == ["128 → 512 pixels, ×4", "At the images&#39; own size, ×4"]
    assert html.count("8 radiographs of 4 patients, 32 regions") == 2
    assert '<td>34.00<div class="minor">+0.50 [+0.50 to +0.50]</div></td>' in html
    assert html.count('src="data:image/png;base64,') == 2
    assert "-15.00" in html and "+5.00" in html  # texture, and how far it is from bicubic's
    assert "<td>2.00</td>" in html and "<td>–</td>" in html  # a rate in per cent; what is not known
    assert "gains.&lt;ldm&gt;" in html and "<ldm>" not in html


def test_nothing_is_fetched(content, tmp_path):
    html = write_report(content, tmp_path).read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html) and "<script" not in html
