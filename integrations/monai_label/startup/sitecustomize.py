"""Makes monailabel 0.8.5 importable beside pydicom 3 and a CPU build of torch.

Python imports this module when it starts. It is in ``PYTHONPATH`` instead of in a script that starts the server,
because MONAI Label trains in a separate process.

* pydicom-seg 0.4.1 imports ``pydicom._storage_sopclass_uids``, which pydicom 3 no longer has. MONAI Label's main branch
  has replaced pydicom-seg by highdicom (commit 058ddfc), but no release contains that change.
* The operators ``torchvision::nms`` and ``torchvision::qnms`` of the published wheel need a CUDA build of torch.
  Without a declaration of them, the import of torchvision fails ("operator torchvision::nms does not exist").
"""

import sys
import types

import pydicom.uid
import torch

STORAGE = {name: uid for name, uid in vars(pydicom.uid).items() if name.endswith("Storage")}
storage_uids = types.ModuleType("pydicom._storage_sopclass_uids")
storage_uids.__dict__.update(STORAGE)
sys.modules[storage_uids.__name__] = storage_uids

operators = torch.library.Library("torchvision", "FRAGMENT")
for operator in ("nms", "qnms"):
    operators.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
