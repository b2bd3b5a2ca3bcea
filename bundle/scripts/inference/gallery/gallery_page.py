"""The HTML page: templates, script and data, under a content-security policy that admits nothing else.

The policy names the script and the style by their hashes, so that no text on the page can become a script, and no
request can leave it. The data are JSON in a block that is not a script, with ``<``, ``>``, ``&`` and ``'`` escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...report.report_format import environment, page_style, policy_source

_TEMPLATES = Path(__file__).parent / "templates"
STYLE = _TEMPLATES / "gallery.css"
_SCRIPTS = ("gallery_list.js", "gallery_stage.js", "gallery_film.js")
_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}


def render_page(
    title: str,
    run: Mapping[str, Any],
    films: Sequence[Mapping[str, Any]],
    *,
    folder: str | None = None,
    pictures: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the page as HTML.

    Args:
        title: heading of the page.
        run: what belongs to all films, see :func:`.film_record.run_record`.
        films: records of the films, see :mod:`.film_record`, in the order of the page; each has the ``thumbnail`` and
            the ``folder`` of its pictures, below ``folder``.
        folder: link to the folder of the pictures, relative to the page; ``None`` if they are in the page.
        pictures: for a page that contains its pictures, those of each film: file name -> ``data:`` URI.
    """
    from markupsafe import Markup

    style = page_style(STYLE)
    script = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    # A page that is opened as a file has no origin: 'self' alone does not admit the files beside it in every browser.
    images = "data:" if folder is None else "data: 'self' file:"
    policy = (
        f"default-src 'none'; img-src {images}; script-src {policy_source(script)}; "
        f"style-src {policy_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        environment(_TEMPLATES)
        .get_template("gallery.html.j2")
        .render(
            title=title,
            policy=policy,
            style=Markup(style),  # this file and the scripts are part of the package
            script=Markup(script),
            data={**run, "folder": folder, "films": films},
            pictures=pictures,
        )
    )


def data_uri(name: str, content: bytes) -> str:
    """Return a picture as a ``data:`` URI.

    Args:
        name: name of its file, which tells the type.
        content: content of the file.
    """
    return f"data:{_TYPES[Path(name).suffix]};base64,{base64.b64encode(content).decode()}"
