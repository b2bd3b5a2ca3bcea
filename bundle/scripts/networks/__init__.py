"""The classifier, in the order of the flow.

``pretrained``      Hugging Face folder or hub id -> strictly loaded backbone
``vit_multilabel``  backbone + multilabel head -> logits (B, C)
``loading``         model folders: what training writes and everything else reads
``loss``            masked binary cross-entropy
``param_groups``    layer-wise learning-rate decay
"""

from .loading import load_vit_multilabel, save_vit_multilabel, weights_sha256
from .loss import MaskedBCEWithLogitsLoss
from .param_groups import layer_wise_param_groups
from .vit_multilabel import ViTMultilabel

__all__ = [
    "MaskedBCEWithLogitsLoss",
    "ViTMultilabel",
    "layer_wise_param_groups",
    "load_vit_multilabel",
    "save_vit_multilabel",
    "weights_sha256",
]
