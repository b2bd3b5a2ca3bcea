"""Code that the experiments share.

``paired_statistics``  patients as clusters, and means under bootstrap weights
``result_tables``      numbers and tables as text, and the files that hold them
"""
