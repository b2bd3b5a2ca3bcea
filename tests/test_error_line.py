from scripts.error_line import error_line


def test_an_error_that_was_raised_from_its_wrapper_is_one_line():
    root, wrapper = RuntimeError("no device"), RuntimeError("Failed to evaluate")
    wrapper.__cause__, root.__cause__ = root, wrapper
    assert error_line(root, "--debug").startswith("error: unexpected RuntimeError: no device; --debug")
