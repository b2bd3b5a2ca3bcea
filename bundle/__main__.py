"""``python -m bundle`` and the installed command ``cxr-attention-sr``.

The package is imported as ``scripts``, the name that MONAI, MONAI Label and MONAI Deploy give a bundle's code, so
that a class in a configuration and in Python is one object.
"""

import sys
from pathlib import Path


def main() -> None:
    """Put the bundle's folder on the path and run the command line."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from scripts.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
