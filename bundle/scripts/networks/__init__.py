"""The classifier, in the order of the flow.

``dialects``        tensor names of Hugging Face, timm and MONAI
``normalisation``   mean and standard deviation of pretrained weights
``pretrained``      folder or hub id -> strictly loaded backbone
``blocks``          the backbone's blocks under common names; drop path
``conv_branch``     local detail between the blocks
``label_tokens``    one learnt token per label in the last blocks
``head``            features -> one logit per label
``model_metadata``  labels and settings of a model folder, checked
``continuing``      what a model folder of ours has beyond its backbone
``vit_multilabel``  backbone + multilabel head -> logits (B, C)
``head_inputs``     the features that enter the head
``zoom``            the same network with crops at a higher magnification
``zoom_tokens``     tokens of a crop, at their positions in the whole image
``loading``         model folders: what training writes and everything else reads
``loss``            masked multilabel losses by name
``param_groups``    layer-wise learning-rate decay
"""

from .loading import load_vit_multilabel, save_vit_multilabel, weights_sha256
from .loss import MaskedBCEWithLogitsLoss, make_loss
from .param_groups import layer_wise_param_groups
from .vit_multilabel import ViTMultilabel
from .zoom import ZoomSettings, ZoomViT

__all__ = [
    "MaskedBCEWithLogitsLoss",
    "ViTMultilabel",
    "ZoomSettings",
    "ZoomViT",
    "layer_wise_param_groups",
    "load_vit_multilabel",
    "make_loss",
    "save_vit_multilabel",
    "weights_sha256",
]
