"""Which file of a study is its frontal chest film, in the order of the flow.

``appearance``       does an image look like a frontal chest film, and which way up?
``chest_film``       is a radiograph a frontal chest film? header first, then image
``study_selection``  files -> studies, and the frontal film of each
``archives``         zip archive -> files
"""
