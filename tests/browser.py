"""Waiting for a page that does not allow ``eval``, which Playwright's ``wait_for_function`` needs while it waits."""

_PAUSE_MS, _PATIENCE = 50, 1200


def until(page, expression):
    """Wait a minute for a condition.

    Args:
        page: page of Playwright.
        expression: JavaScript expression that becomes true.
    """
    for _ in range(_PATIENCE):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(_PAUSE_MS)
    raise AssertionError(f"{expression}; {page.inner_text('body')}")
