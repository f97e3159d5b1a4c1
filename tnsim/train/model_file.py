"""Models in files: banks, representation and what they were trained on, in one safetensors file. Uses tensor_file.

    model  --[ save: whole or not at all ]-->  file "tnsim-model/1"  --[ load ]-->  bitwise the same model, metadata

Its header names the architecture, one of `models.ARCHITECTURES` or a class of the user's own, which `load` is told;
where it names none, it is a ConvAC. A generative ConvAC has a name of its own, and in place of banks what they are the
softmax of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from tnsim.banks import check
from tnsim.models import ARCHITECTURES
from tnsim.nn.convac import ConvAC
from tnsim.nn.densities import DENSITIES, Densities
from tnsim.nn.generative import GenerativeConvAC
from tnsim.nn.representation import from_json
from tnsim.nn.tensor_network import TensorNetwork
from tnsim.tensor_file import TensorFileError, Tensors, read, write

__all__ = ["FORMAT", "ModelFileError", "load", "save"]

FORMAT = "tnsim-model/1"
DEFAULT, GENERATIVE, PRIOR = "ConvAC", "GenerativeConvAC", "prior"
LEARNED = "representation/"


class ModelFileError(ValueError):
    """A file that holds no model, or another than wanted, or cannot be written: names the path, wanted and found."""


def save(path: str | Path, model: TensorNetwork | GenerativeConvAC, extra: Mapping[str, Any] | None = None) -> None:
    """Write a model with whatever belongs to it (`extra`: JSON values; classes' names, test accuracy, ..), atomically.

    An architecture of one's own is named by its class, which `load` takes in `kinds`.

    Raises ModelFileError where the place cannot be written, `extra` is no JSON, or the architecture has no to_json or
    the name of one of tnsim's; nothing half written stays.
    """
    target = Path(path).expanduser()
    tensors = {name: np.asarray(bank) for name, bank in _banks(model).items()}
    representation = model.representation
    if isinstance(representation, nnx.Module):
        tensors |= {LEARNED + name: np.asarray(array) for name, array in _learned(representation).items()}
    kind = _kind(target, model.arch)
    metadata = {
        "kind": GENERATIVE if isinstance(model, GenerativeConvAC) else kind,
        "architecture": model.arch.to_json(),
        "representation": None if representation is None else representation.to_json(),
        "pinned": isinstance(model, ConvAC) and model.pinned,
        "extra": dict(extra or {}),
    }
    try:
        json.dumps(metadata["extra"])
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{target}: extra: wanted JSON values, found: {error}") from error
    try:
        write(target, FORMAT, tensors, metadata)
    except TensorFileError as error:
        raise ModelFileError(str(error)) from error


def load(
    path: str | Path, arch: Any = None, kinds: Mapping[str, type] | None = None
) -> tuple[Any, dict[str, Any]]:
    """(model, extra) of a file: the banks bitwise as they were saved; `arch` where it must be this architecture.

    The model is a `nn.ConvAC`, a `nn.GenerativeConvAC`, or a `nn.TensorNetwork` of another architecture. kinds:
    architectures of one's own, {"Ladder": Ladder}; that of `arch` need not be in it.

    Raises ModelFileError for a file that is missing, truncated, no model, or of another architecture. float64 banks
    need jax.enable_x64, and are refused without.
    """
    target = Path(path).expanduser()
    try:
        tensors, metadata = read(target, FORMAT)
    except TensorFileError as error:
        raise ModelFileError(str(error)) from error
    try:
        own = dict(kinds or {}) if arch is None else {type(arch).__name__: type(arch), **(kinds or {})}
        made = _known(metadata.get("kind", DEFAULT), own).from_json(metadata["architecture"])
        _check_same(target, arch, made)
        return _model(arch or made, metadata, tensors), metadata["extra"]
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{target}: wanted a whole {FORMAT} file, found in it: {error}") from error


def _kind(path: Path, arch: Any) -> str:
    """The name under which an architecture is known: for one of the user's own, its class's."""
    for name, kind in ARCHITECTURES.items():
        if kind.__base__ in (type(arch), type(arch).__base__):
            return name
    name = type(arch).__name__
    if name in (*ARCHITECTURES, GENERATIVE) or not hasattr(arch, "to_json"):
        raise ModelFileError(
            f"{path}: architecture: wanted one of {sorted(ARCHITECTURES)}, or a class of another name with to_json and "
            f"from_json, as a dataclass over tnsim.models.Doors has them, found {type(arch)}"
        )
    return name


def _banks(model: TensorNetwork | GenerativeConvAC) -> dict[str, Any]:
    """The arrays of a model without those of its representation."""
    if not isinstance(model, GenerativeConvAC):
        return model.params()
    return {**{name: bank[...] for name, bank in model.logits.items()}, PRIOR: model.prior[...]}


def _known(name: str, own: Mapping[str, type]) -> Any:
    name = DEFAULT if name == GENERATIVE else name
    known = {**own, **ARCHITECTURES}
    if name not in known:
        way = f"load(.., kinds={{{name!r}: its class}})"
        raise ValueError(f"kind: wanted one of {sorted(known)}, found {name!r}; {way}")
    return known[name]


def _check_same(path: Path, wanted: Any, found: Any) -> None:
    if wanted is None:
        return
    if _kind(path, wanted) != _kind(path, found):
        wanted_kind, found_kind = _kind(path, wanted), _kind(path, found)
        raise ModelFileError(f"{path}: made for another architecture: wanted {wanted_kind}, found {found_kind}")
    one, other = wanted.to_json(), found.to_json()
    differ = [f"{name}: wanted {one[name]}, found {other[name]}" for name in one if one[name] != other[name]]
    if differ:
        raise ModelFileError(f"{path}: made for another architecture: {'; '.join(differ)}")


def _model(arch: Any, metadata: Mapping[str, Any], tensors: Tensors) -> TensorNetwork | GenerativeConvAC:
    representation = metadata["representation"]
    if representation is not None:
        representation = _representation(representation, tensors)
    banks = {name: _exact(tensor) for name, tensor in tensors.items() if not name.startswith(LEARNED)}
    kind = metadata.get("kind", DEFAULT)
    if kind == GENERATIVE:
        return _generative(arch, banks, representation)
    if kind == DEFAULT:
        return ConvAC.from_params(arch, banks, representation, metadata["pinned"])
    return TensorNetwork.from_params(arch, banks, representation)


def _generative(arch: Any, banks: dict[str, Any], densities: Any) -> GenerativeConvAC:
    prior = banks.pop(PRIOR)
    if not isinstance(densities, Densities):
        raise ValueError(f"representation: wanted densities, found {type(densities).__name__}")
    model = GenerativeConvAC(arch, densities, rngs=nnx.Rngs(0))
    check(arch.network, banks)
    for name, bank in banks.items():
        model.logits[name] = nnx.Param(bank)
    _put("prior", model.prior, prior)
    return model


def _learned(representation: nnx.Module) -> dict[str, Any]:
    return nnx.to_pure_dict(nnx.state(representation))


def _representation(spec: Mapping[str, Any], tensors: Tensors) -> Any:
    """The representation of its JSON, with its learned arrays."""
    representation = DENSITIES[spec["kind"]](dict(spec)) if spec.get("kind") in DENSITIES else from_json(dict(spec))
    if isinstance(representation, nnx.Module):
        for name in nnx.state(representation):
            _put(LEARNED + name, getattr(representation, name), _exact(tensors[LEARNED + name]))
    return representation


def _put(name: str, variable: Any, found: Any) -> None:
    """An array in place of that of a variable. Raises ValueError for another shape."""
    if found.shape != variable[...].shape:
        raise ValueError(f"{name}: wanted shape {variable[...].shape}, found {found.shape}")
    variable[...] = found


def _exact(tensor: np.ndarray) -> Any:
    """The array on the device, in its own type. Raises ValueError where it would lose digits."""
    array = jnp.asarray(tensor)
    if array.dtype != tensor.dtype:
        raise ValueError(f"{tensor.dtype} banks, which need jax.enable_x64(True)")
    return array
