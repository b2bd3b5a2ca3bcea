"""Selection of the frontal chest film of each study, in the order of the flow.

``appearance``       image -> scores for an upright frontal chest film, and for a wrong pose
``chest_film``       header and scores -> reasons to reject a radiograph, and flags
``media``            which files of a medium with a DICOMDIR are images
``study_selection``  files -> studies, and the frontal film of each
``archives``         zip archive -> files
"""
