"""Helpers that every other package may use. This package imports none of the others.

``lazy_names``        public names of a package that are imported when they are first used
``printable``         escapes unprintable characters of text from outside
``program_start``     settings of the whole process that commands make, and a library must not
``csv_text``          CSV tables whose cells a spreadsheet does not run as formulas
``choices``           checks that a setting is one of the allowed names
``text_file``         text and JSON files, with errors that name file, line and remedy
``weight_files``      finds and reads the weight files of a network
``hub_download``      downloads a model from the Hugging Face hub
``value_kinds``       kinds of values of a setting: number in a range, flag, list
``setting_checks``    allowed values of the settings of the workflows
``numbered_folders``  output folders of several trainings: seed_0, fold_0, …
``checksum``          SHA-256 of a file
``code_version``      hash of the package's code, part of every cache key
``atomic``            atomic writing of files and folders, by default readable for their owner only
``locking``           locks between processes
``refusal``           ``RefusedInput``: why an input is rejected, and what the user can do
``failures``          ``failures.csv``: the table of rejected inputs
``progress``          progress and time left of long work
``shared_work``       work that several processes share, each task done once
``loopback``          whether a host name or an address belongs to this computer
``kept_hashes``       SHA-256 of files, kept between runs
``file_hashes``       SHA-256 of many files, in parallel
``geometry``          pads and resizes an image to a square, and maps results back to its pixels
``page_pictures``     radiographs, maps and differences as pictures for pages
"""
