from __future__ import annotations

import base64
from pathlib import Path

from PIL import Image
from scripts.report.figures import STYLES, new_figure, picture_uri, save_png, styled, svg_uri


def test_equal_figures_are_equal_files_and_keep_their_text(tmp_path: Path) -> None:
    uris, files = [], []
    for name in ("a.png", "b.png"):
        figure, (axes,) = new_figure(1, 1, (2, 1))
        axes.set_title("Edema")
        uris.append(svg_uri(figure))
        files.append(save_png(figure, tmp_path / "new folder" / name, dpi=40))
    assert uris[0] == uris[1] and files[0].read_bytes() == files[1].read_bytes()
    assert uris[0].startswith("data:image/svg+xml;base64,")
    assert "Edema" in base64.b64decode(uris[0].split(",", 1)[1]).decode()
    assert picture_uri(files[0]).startswith("data:image/png;base64,iVBOR")
    with Image.open(files[0]) as picture:
        assert picture.size == (80, 40)


def test_more_series_than_styles_are_all_drawn() -> None:
    shown = list(styled({str(i): i for i in range(len(STYLES) + 1)}))
    assert [values for _, values, _ in shown] == list(range(len(STYLES) + 1))
    assert shown[-1][2] == shown[0][2]
