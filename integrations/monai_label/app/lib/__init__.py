"""Tasks of the app: ``inference``, ``training``, ``uncertainty`` (which image to label next)."""
