"""Do the maps of an explanation method lie on the findings? In the order of the flow.

``truth``       boxes and masks of an image in the pixels of the network's input
``controls``    maps that know nothing of the image: random, centre, training prior
``metrics``     hit, IoU, relevance mass, sparsity of one map
``faithfulness``   what the network says when patches are deleted or inserted in the order of a map
``randomised``  do the maps change when the weights are randomised?
``judge``       all methods and controls on one finding
``summary``     means by method and label, intervals over patients, paired differences to the controls
``tables``      the same for people
``panels``      images with maps and findings
``workflow``    what ``run explaining`` runs
"""

from .judge import ExplainSettings
from .workflow import Explanation

__all__ = ["ExplainSettings", "Explanation"]
