"""The page on which films are dropped, in the style of the page of predictions, which it shows when they are done."""

from __future__ import annotations

from pathlib import Path

from ..dicom.budget import MAX_FILE_BYTES
from ..inference.gallery.gallery_page import STYLE
from ..report.report_format import environment, page_style, policy_source
from .uploads import MAX_BATCH_BYTES, MAX_FILES

_TEMPLATES = Path(__file__).parent / "templates"


def render_drop_page(*, is_kept: bool) -> tuple[str, str]:
    """Return the page as HTML, and its content-security policy.

    Args:
        is_kept: whether the server keeps the results.
    """
    from markupsafe import Markup

    style = page_style(STYLE, _TEMPLATES / "drop_page.css")
    script = (_TEMPLATES / "drop_page.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {policy_source(script)}; style-src {policy_source(style)}; img-src data:; "
        "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    limits = {"files": MAX_FILES, "batch_bytes": MAX_BATCH_BYTES, "file_bytes": MAX_FILE_BYTES}
    template = environment(_TEMPLATES).get_template("drop_page.html.j2")
    # Both files are part of the package.
    return template.render(style=Markup(style), script=Markup(script), limits=limits, is_kept=is_kept), policy
