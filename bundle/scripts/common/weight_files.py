"""Finds and reads the weight files of a network; pickles are read without running code from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .printable import quoted
from .text_file import find_substitute, read_json

if TYPE_CHECKING:
    import torch

_SHARD = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")


def find_weight_files(folder: Path, pattern: str = "*.safetensors") -> list[Path]:
    """Safetensors files that belong to one network: a single file, or the shards that an index lists.

    Args:
        folder: folder of the network.
        pattern: names of the files that may belong to it.

    Returns:
        Files in the order of their names; none, if no file has such a name.

    Raises:
        ValueError: there are files of several networks, or a shard is missing.
    """
    indices, found = sorted(folder.glob(f"{pattern}.index.json")), sorted(folder.glob(pattern))
    if len(indices) == 1:
        return [folder / name for name in sorted(set(_read_index(indices[0]).values()))]
    if len(found) <= 1 and not indices:
        return found
    shards = [_SHARD.fullmatch(path.name) for path in found]
    if not indices and len({(shard["name"], shard["count"]) if shard else None for shard in shards}) == 1 and shards[0]:
        if len(found) == int(shards[0]["count"]):
            return found
        raise ValueError(
            f"{folder}: weights are incomplete; expected {int(shards[0]['count'])} files {shards[0]['name']}-…, found "
            f"{len(found)}; copy the folder again"
        )
    raise ValueError(
        f"{folder}: weights of several networks; expected one file, or shards with an index, found "
        f"{', '.join(path.name for path in (*indices, *found)[:5])}; move all but one of them to another folder"
    )


def load_weights(folder: Path, pattern: str = "*.safetensors") -> dict[str, torch.Tensor]:
    """Tensors of the network in a folder; of a sharded network, exactly those that its index lists.

    Args:
        folder: folder of the network.
        pattern: names of the files that may belong to it.

    Returns:
        Tensors by name; empty, if no file has such a name.

    Raises:
        OSError: a file cannot be read.
        ValueError: there are files of several networks, or a file is missing or damaged.
    """
    state: dict[str, torch.Tensor] = {}
    places = {name: file for index in folder.glob(f"{pattern}.index.json") for name, file in _read_index(index).items()}
    for path in find_weight_files(folder, pattern):
        tensors = load_safetensors(path)
        state |= {name: tensor for name, tensor in tensors.items() if places.get(name, path.name) == path.name}
    return {name: tensor for name, tensor in state.items() if not places or name in places}


def _read_index(index: Path) -> dict[str, str]:
    """Name of the shard of each tensor.

    Raises:
        ValueError: the file is not an index, or a shard is missing.
    """
    content = read_json(index, "the index of a sharded checkpoint", "copy the folder again")
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places or not all(_is_file_name(name) for name in places.values()):
        raise ValueError(
            f"{index}: not an index; expected weight_map with the name of a file in this folder for each tensor, found "
            f"{quoted(places)}; copy the folder again"
        )
    missing = sorted({name for name in places.values() if not index.with_name(name).is_file()})
    if missing:
        raise ValueError(
            f"{index}: weights are incomplete; expected the files that it lists, found no {', '.join(missing[:5])}; "
            "copy the folder again"
        )
    return places


def _is_file_name(name: object) -> bool:
    """Whether a name from an index is that of a safetensors file in the same folder."""
    return isinstance(name, str) and name.endswith(".safetensors") and Path(name).name == name


def load_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a complete safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise ValueError(_damaged(path, "a complete safetensors file", error)) from error


def load_pickle(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a PyTorch pickle.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a complete pickle of tensors.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - weights_only
    except OSError:
        raise
    except Exception as error:  # a damaged file causes many kinds of errors in PyTorch
        raise ValueError(_damaged(path, "a PyTorch file that holds only tensors", error)) from error
    state = next((state[key] for key in ("state_dict", "model") if isinstance(state, dict) and key in state), state)
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(
            f"{path}: not weights; expected a dictionary of tensors, found {type(state).__name__}; save the state_dict"
        )
    return state


def _damaged(path: Path, expected: str, error: Exception) -> str:
    """Message for weights that cannot be read."""
    with path.open("rb") as file:
        substitute = find_substitute(file.read(64))
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    found, remedy = substitute or (f"damaged content ({reason})", "copy or download the file again")
    return f"{path}: cannot be read; expected {expected}, found {found}; {remedy}"
