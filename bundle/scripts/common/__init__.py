"""What every other room may use; it imports none of them.

``printable``     makes text from outside fit to be shown
``csv_text``      tables that a spreadsheet does not calculate
``choices``       checks a setting that is one of a few names
``checksum``      SHA-256 of a file
``code_version``  hash of the code, a part of every cache key
``atomic``        writes files and folders so that a reader sees all of one or nothing; private by default
``refusal``       ``RefusedInput``: why an input is rejected, and what to do
``failures``      failures.csv
``geometry``      pads an image to a square, resizes it, and maps back to its pixels
"""
