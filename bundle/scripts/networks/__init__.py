"""The classifier, in the order of the flow.

``weight_formats``      tensor names of Hugging Face, timm and MONAI
``head``                features -> one logit per label
``model_metadata``      labels and settings of a model folder, checked
``normalisation``       mean and standard deviation of pretrained weights
``attention_kernel``    fast attention for training in bf16 on a CPU
``pretrained``          folder or hub id -> backbone with pretrained weights
``backbone_choice``     pretrained weights, or an architecture with random ones -> backbone
``model_folder``        saves model folders, finds them on the hub
``model_members``       the folders of several networks that predict as one
``blocks``              blocks of the ViT families under common names; stochastic depth
``conv_branch``         depthwise convolution before each block
``label_token_blocks``  one learnt token per label in the last blocks
``patch_head``          one logit per label and patch, pooled to the image
``encoded``             tokens that the heads of a network read
``warm_start``          convolution branches and head of an earlier model
``param_groups``        frozen blocks, and layer-wise decay of the learning rate
``vit_multilabel``      backbone and multilabel head -> logits (B, C)
``moved_views``         shifted and resized copies of an image
``ensemble``            several networks and views -> logits of the mean probability
``head_inputs``         records the input of the head
``zoom_tokens``         tokens of a crop, at their positions in the whole image
``zoom``                classifier that also reads crops at a higher magnification
``loading``             loads the network of a model folder
``loss``                masked multilabel losses by name
``map_loss``            loss of the maps with boxes or masks
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    vit_multilabel="ViTMultilabel",
    zoom="ZoomSettings ZoomViT",
    loading="load_vit_multilabel weights_sha256",
    model_folder="find_model_folder save_vit_multilabel",
    model_members="find_model training_folders",
    ensemble="Ensemble",
    loss="MaskedBCEWithLogitsLoss make_loss",
    param_groups="layer_wise_param_groups",
)
