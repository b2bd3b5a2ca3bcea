"""Do the maps of an explanation method lie on the findings? In the order of the flow.

``controls``         maps that do not depend on the image: random, centre, training prior
``film_dependence``  similarity of the maps of different films; the constant spot of their peaks
``mean_maps``        the mean map of the other films, as a control of each method
``coverage``         are the findings inside the regions that would be enhanced?
``map_metrics``      hit, IoU, relevance mass and sparsity of one map
``faithfulness``     logits when patches are deleted or inserted in the order of a map
``randomised``       do the maps change when the weights are randomised?
``map_panels``       images with maps and findings
``map_scores``       all methods and controls on one finding
``map_summary``      means by method and label, intervals over patients, paired differences to the controls
``map_tables``       the summary as text
``explaining``       the workflow ``explaining``
"""

from .explaining import Explanation
from .map_scores import ExplainSettings

__all__ = ["ExplainSettings", "Explanation"]
