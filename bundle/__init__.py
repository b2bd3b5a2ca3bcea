"""cxr-attention-sr: attention-guided super-resolution for chest radiographs, as a MONAI bundle."""
