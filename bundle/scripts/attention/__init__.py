"""What the network looks at, in the order of the flow.

``output``          logits and maps; the one map that chooses regions
``recording``       what passes through the attention layers, under fused attention
``last_layer``      CLS attention of the last layer (the paper's)
``rollout``         attention through all layers
``grad_attention``  gradient-weighted attention through all layers, per label
``grad_cam``        Grad-CAM on patch tokens, per label
``label_tokens``    attention of label tokens, per label
``occlusion``       how far a logit falls when a window is covered: the reference
``artifacts`` ``body``   what cleans a map
``factory``         a method by its name
"""

from .factory import METHODS, make_attention
from .last_layer import LastLayerCLSAttention, WithAttention, attention_maps, check_map
from .output import Attention, AttentionOutput

__all__ = [
    "METHODS",
    "Attention",
    "AttentionOutput",
    "LastLayerCLSAttention",
    "WithAttention",
    "attention_maps",
    "check_map",
    "make_attention",
]
