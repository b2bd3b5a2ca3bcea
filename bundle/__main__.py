"""``python -m bundle`` and the installed command ``cxr-attention-sr``."""

from .scripts.cli import main

if __name__ == "__main__":
    main()
