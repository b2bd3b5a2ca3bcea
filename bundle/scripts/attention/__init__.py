"""Attention and explanation maps of the classifier, in the order of the flow.

``output``                 logits and maps of a method, and the map that chooses regions
``mean_map``               mean map of the films of other patients
``recording``              queries, keys and values of the attention layers in a forward pass
``last_layer``             CLS attention of the last layer (the paper's), or of any other
``rollout``                attention through all layers
``grad_attention``         gradient-weighted attention through all layers, per label
``grad_cam``               Grad-CAM on patch tokens, per label
``with_maps``              network with the maps of its forward pass, for compilation and export
``label_token_attention``  attention of label tokens, per label
``patch_logits``           place of each label among the patches
``occlusion``              decrease of a logit when a window is covered, per label; a reference for the others
``artifacts``              detection and replacement of high-norm artifact patches
``body``                   detection of the patches outside the body
``mean_attention``         mean of the maps of several networks that predict as one
``factory``                creates a method by name
"""

from .factory import METHODS, default_method, make_attention
from .last_layer import LastLayerCLSAttention, WithAttention, attention_maps, layer_maps
from .output import Attention, AttentionOutput
from .with_maps import WithMaps

__all__ = [
    "METHODS",
    "Attention",
    "AttentionOutput",
    "LastLayerCLSAttention",
    "WithAttention",
    "WithMaps",
    "attention_maps",
    "default_method",
    "layer_maps",
    "make_attention",
]
