"""Attention and explanation maps of the classifier, in the order of the flow.

``output``                 logits and maps; the one map that chooses regions
``recording``              records what passes through the attention layers
``last_layer``             CLS attention of the last layer (the paper's)
``rollout``                attention through all layers
``grad_attention``         gradient-weighted attention through all layers, per label
``grad_cam``               Grad-CAM on patch tokens, per label
``label_token_attention``  attention of label tokens, per label
``occlusion``              how far a logit falls when a window is covered: the reference
``artifacts``              removes high-norm artifact patches from a map
``body``                   removes what lies outside the body from a map
``factory``                a method by its name
"""

from .factory import METHODS, make_attention
from .last_layer import LastLayerCLSAttention, WithAttention, attention_maps
from .output import Attention, AttentionOutput

__all__ = [
    "METHODS",
    "Attention",
    "AttentionOutput",
    "LastLayerCLSAttention",
    "WithAttention",
    "attention_maps",
    "make_attention",
]
