"""Which contenders there are, by name, none of their libraries imported. Ground of peers; used by the runner.

    PEERS["quimb"] --missing? (a line naming the extra)--> load --> its module

    NOTE: what was tried    refuses(case) -> a reason, or None    prepare(case) -> Prepared
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


@dataclass(frozen=True)
class Peer:
    """A contender: `module` is imported in its own process only. requires: modules that must be there; extra: what
    installs them, "" for none; note: who it is, in a line."""

    name: str
    module: str
    extra: str
    requires: tuple[str, ...]
    note: str


_ROWS = (
    ("tnsim", "tnsim_itself", "", (), "tnsim's public calls under jax.jit"),
    ("jax-batched", "jax_batched", "", (), "level-batched JAX as one would write it by hand, without scales"),
    ("tensornetwork", "tensornetwork_greedy", "", (), "TensorNetwork, contractors.greedy vmapped under jax.jit"),
    ("tensornetwork-copynode", "tensornetwork_copynode", "", (), "TensorNetwork, contract_copy_node under jax.jit"),
    ("opt_einsum", "opt_einsum_jax", "", (), "opt_einsum.contract_expression under jax.jit"),
    ("cotengra", "cotengra_jax", "peers", ("cotengra",), "cotengra's expression over hyperedges under jax.jit"),
    ("cotengra-autojit", "cotengra_autojit", "peers", ("cotengra", "autoray"), "cotengra with autoray's autojit"),
    ("quimb", "quimb_jax", "peers", ("quimb", "cotengra"), "quimb.tensor contraction under jax.jit"),
    ("torch-einsum", "torch_einsum", "peers", ("torch",), "PyTorch along opt_einsum's path, eager"),
    ("torch-batched", "torch_batched", "peers", ("torch",), "a level-batched PyTorch module by hand, eager"),
    ("torch-compiled", "torch_compiled", "peers", ("torch",), "the same module under torch.compile"),
    ("tensorkrowch", "tensorkrowch_mps", "peers", ("torch", "tensorkrowch"), "tensorkrowch's MPSLayer"),
    ("cutensornet", "cutensornet", "", ("cuquantum", "torch"), "NVIDIA cuTensorNet; pip install cuquantum-python"),
)
PEERS = {
    name: Peer(name, f"tnsim.bench.peers.{module}", extra, requires, note)
    for name, module, extra, requires, note in _ROWS
}


def missing(peer: Peer) -> str | None:
    """What has to be installed for a contender, as a line; None where all is there."""
    absent = [name for name in peer.requires if find_spec(name) is None]
    if not absent:
        return None
    way = f"pip install 'tnsim[{peer.extra}]'" if peer.extra else peer.note
    return f"peer {peer.name!r}: wanted {', '.join(absent)}, not installed; {way}"


def load(peer: Peer) -> ModuleType:
    """Import a contender, its libraries too. Raises ImportError where they are missing."""
    return import_module(peer.module)
