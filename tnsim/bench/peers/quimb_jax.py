"""quimb: a TensorNetwork over hyperedges, contracted under jax.jit by its own contract. Uses cotengra_jax's trees."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import eager_only
from tnsim.bench.peers.cotengra_jax import tree_of
from tnsim.bench.peers.jaxes import Contraction, from_einsums
from tnsim.bench.workloads import Einsum

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of optional packages that are not installed
    import quimb.tensor as qtn

NOTE = (
    "TensorNetwork.contract(output_inds=.., optimize=tree) with hyperedges, inside one jax.jit with every tensor "
    "an argument, the path by cotengra beforehand. Its gauging and compression do not take hyperedges, so they "
    "are not used."
)


def refuses(case: Case) -> str | None:
    """All but a graph of nodes."""
    return eager_only(case)


def contraction(einsum: Einsum) -> Contraction:
    """A network of the operands, each time it is traced."""
    tree = tree_of(einsum)
    inds, output, _ = einsum.letters

    def call(operands: Sequence[Any]) -> Any:
        network = qtn.TensorNetwork([qtn.Tensor(part, legs) for part, legs in zip(operands, inds, strict=True)])
        found = network.contract(all, output_inds=output, optimize=tree, backend="jax")
        return found.transpose(*output).data if output else found

    return Contraction(call, float(tree.contraction_cost()))


def prepare(case: Case) -> Prepared:
    """Path, trace, compile, first run."""
    return from_einsums(case, contraction, NOTE)
