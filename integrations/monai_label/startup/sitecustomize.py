"""Make monailabel 0.8.5 importable beside pydicom 3 and a CPU build of torch; run by Python itself at its start.

MONAI Label trains in a process of its own, so its start-up is in ``PYTHONPATH`` instead of a script around the server.

* ``pydicom._storage_sopclass_uids``: gone in pydicom 3, imported by pydicom-seg 0.4.1; MONAI Label's main branch
  replaced that package by highdicom (commit 058ddfc), no release has it.
* ``torchvision::nms``, ``torchvision::qnms``: the published wheel's operators are built against a CUDA torch; its
  Python side refuses to import where they are not declared ("operator torchvision::nms does not exist").
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
