"""A network in a file: its wiring as JSON, its banks as arrays, one safetensors file. Uses network and tensor_file.

    metadata  format "tnsim-network/1"
              network {"indices": [[name, count, dim], ..], "sites": [index, ..], "outputs": [index, ..],
                       "stacks": [{"bank", "copies", "shape", "slots": [row, ..], "legs": [[index, ..], ..]}, ..]}
    tensors   bank name -> (copies, *shape); complex ones as pairs on a last axis, their names in metadata "complex"

Indices are numbered run by run; tensor i of a stack is bank[slots[i]], its leg k lies on index legs[i][k]. A bank with
0 copies is one tensor without the axis of copies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import Banks
from tnsim.network import Indices, Network, Stack, Table, build
from tnsim.tensor_file import TensorFileError, read, write

__all__ = ["FORMAT", "NetworkFileError", "from_json", "load_network", "save_network", "to_json"]

FORMAT = "tnsim-network/1"
LONGEST = 90_000_000  # bytes of wiring; safetensors reads no header beyond 100 MB


class NetworkFileError(ValueError):
    """A file that holds no network, or cannot be written: names the path, what was wanted and what was found."""


def save_network(path: str | os.PathLike[str], network: Network, banks: Banks) -> None:
    """Write a network with its banks, whole or not at all; missing folders are made.

    Any floating or complex type that safetensors knows comes back bitwise: float16 to float64, bfloat16, complex64 and
    complex128. Raises ValueError for banks that do not fit the network, NetworkFileError where the place cannot be
    written or the wiring is longer than a header may be.
    """
    bank_checks.check(network, banks)
    target = Path(path).expanduser()
    wiring = to_json(network)
    length = len(json.dumps(wiring))
    if length > LONGEST:
        raise NetworkFileError(f"{target}: wanted wiring of at most {LONGEST} bytes of JSON, found {length}")
    try:
        write(target, FORMAT, {name: np.asarray(banks[name]) for name in network.bank_shapes}, {"network": wiring})
    except TensorFileError as error:
        raise NetworkFileError(str(error)) from error


def load_network(path: str | os.PathLike[str]) -> tuple[Network, dict[str, Num[np.ndarray, "..."]]]:
    """(network, banks) of a file of `save_network`: the very Network object of that wiring, banks bitwise, in NumPy.

    Raises NetworkFileError for a file that is missing, truncated, of another program or version, whose wiring is none,
    or whose arrays do not fit it.
    """
    target = Path(path).expanduser()
    try:
        tensors, metadata = read(target, FORMAT)
        network = from_json(metadata["network"])
        bank_checks.check(network, tensors)
    except TensorFileError as error:
        raise NetworkFileError(str(error)) from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NetworkFileError(f"{target}: wanted a whole {FORMAT} file, found in it: {error}") from error
    return network, {name: tensors[name] for name in network.bank_shapes}


def to_json(network: Network) -> dict[str, Any]:
    """The wiring as JSON values, as in this module's head."""
    return {
        "indices": [[run.name, run.count, run.dim] for run in network.indices],
        "stacks": [_stack_json(stack) for stack in network.stacks],
        "sites": network.sites.array.tolist(),
        "outputs": list(network.outputs),
    }


def _stack_json(stack: Stack) -> dict[str, Any]:
    tables = {"slots": stack.slots.array.tolist(), "legs": stack.legs.array.tolist()}
    return {"bank": stack.bank, "copies": stack.copies, "shape": list(stack.shape), **tables}


def from_json(wiring: Mapping[str, Any]) -> Network:
    """The network of `to_json`'s values. Raises KeyError, TypeError or ValueError where they are no wiring."""
    runs = [Indices(str(name), int(count), int(dim)) for name, count, dim in wiring["indices"]]
    return build(runs, [_stack(stack) for stack in wiring["stacks"]], _numbers(wiring["sites"]), wiring["outputs"])


def _stack(made: Mapping[str, Any]) -> Stack:
    shape, slots = tuple(int(dim) for dim in made["shape"]), _numbers(made["slots"])
    legs = np.array(made["legs"], dtype=np.int32)
    if legs.size != len(slots) * len(shape) or len(legs) != len(slots):
        raise ValueError(
            f"legs of bank {made['bank']!r}: wanted {len(slots)} times {len(shape)} indices, found {legs.shape}"
        )
    legs = legs.reshape(len(slots), len(shape))  # also of numbers, which have no legs
    return Stack(str(made["bank"]), int(made["copies"]), shape, Table(slots), Table(legs))


def _numbers(values: Any) -> Num[np.ndarray, " numbers"]:
    return np.array(values, dtype=np.int32).reshape(-1)
