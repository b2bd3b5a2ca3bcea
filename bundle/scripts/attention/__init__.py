"""What the network looks at, in the order of the flow.

``last_layer``  CLS attention of the last layer, from its query and key projections
"""

from .last_layer import LastLayerCLSAttention, WithAttention, attention_maps, check_map

__all__ = ["LastLayerCLSAttention", "WithAttention", "attention_maps", "check_map"]
