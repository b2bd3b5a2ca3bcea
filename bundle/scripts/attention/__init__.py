"""What the network looks at, in the order of the flow.

``last_layer``  CLS attention of the last layer, from its query and key projections
``overlay``     figures: map, extracted map, overlay with regions
"""

from .last_layer import LastLayerCLSAttention, attention_maps

__all__ = ["LastLayerCLSAttention", "attention_maps"]
