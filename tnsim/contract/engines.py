"""By which engine a network is contracted for a batch of features. Uses scores and interop; used by the models.

    "tnsim"           the fold of scores for a layered tree, copy tensors sparse; a sweep of vectors for any other tree,
                      or one with a loop; a path for the rest
    "tensornetwork"   TensorNetwork's own greedy contractor on each sample's graph, copy tensors dense: the oracle
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import opt_einsum
import tensornetwork as tn
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim import memory as limits
from tnsim.banks import AnyArray, Banks
from tnsim.contract.branches import NotTree, branches
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.planned import planned_scores
from tnsim.contract.schedule import NotLayered, whole
from tnsim.contract.scores import Scores, scores
from tnsim.contract.shards import sharded_scores
from tnsim.contract.sweep import swept_scores
from tnsim.interop.tensornetwork import to_tensornetwork
from tnsim.network import Network

ENGINES = ("tnsim", "tensornetwork")


def run(engine: str, network: Network, banks, features, memory=None, execution: Execution = DEFAULT) -> Scores:
    """Scores of a batch of features (batch, sites, M). Raises ValueError for what does not fit the network.

    execution: how; its mesh spreads samples and subtrees over devices, and takes no memory beside it. memory: in place
    of the execution's; splits the batch of "tnsim" (MemoryLimitError where one sample is above it).

    engine "tensornetwork" contracts without scales, so that log_scale is 0 and the value may leave float range, and
    makes copy tensors dense: raises MemoryLimitError where these and its largest intermediate are above the memory.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine: wanted one of {ENGINES}, found {engine!r}")
    if memory is not None:
        execution = replace(execution, memory=memory)
    if execution.mesh is not None and execution.memory is not None:
        found = execution.memory
        raise ValueError(f"memory: wanted None beside a mesh, which splits the batch itself, found {found!r}")
    if execution.mesh is not None and engine == "tnsim":
        if route(network) != "fold":
            raise ValueError(f"execution: a mesh wants a layered tree, such as a ConvAC's, found {network}")
        return sharded_scores(network, banks, features, execution.mesh, execution)
    bank_checks.check(network, banks)
    bank_checks.check_features(network, features, execution.layout == "batch-last")
    if engine == "tnsim":
        return ROUTES[route(network)](network, dict(banks), features, execution)
    if replace(execution, memory=None) != DEFAULT:
        raise ValueError(f"execution: wanted nothing but memory beside engine={engine!r}, found {execution}")
    _check_dense(network, banks, features, execution.memory)
    value = _tensornetwork(network, dict(banks), features)
    return Scores(value, jnp.zeros(len(value), jnp.abs(value).dtype))


ROUTES = {"fold": scores, "sweep": swept_scores, "path": planned_scores}


@lru_cache(maxsize=256)
def route(network: Network) -> str:
    """How "tnsim" contracts a network: by "fold", "sweep" or "path"."""
    for name, look, no in (("fold", whole, NotLayered), ("sweep", branches, NotTree)):
        try:
            look(network)
            return name
        except no:
            continue
    return "path"


@partial(jax.jit, static_argnames="network")
def _tensornetwork(network: Network, banks: Banks, features: Num[AnyArray, "batch sites M"]) -> Num[Array, "batch Y"]:
    """TensorNetwork's greedy contraction of every sample's graph; traced once, so its walk over sets is fixed."""
    dtype = jnp.result_type(features, *banks.values())
    banks = {name: jnp.asarray(bank, dtype) for name, bank in banks.items()}

    def one(sample: Num[Array, "sites M"]) -> Num[Array, "Y"]:
        graph = to_tensornetwork(network, banks)
        return tn.contractors.greedy([*graph.nodes, *graph.attach(sample)]).tensor.reshape(-1)

    return jax.vmap(one)(jnp.asarray(features, dtype))


def _check_dense(network: Network, banks, features: Any, memory: str | float | None) -> None:
    itemsize = jnp.result_type(features, *banks.values()).itemsize
    ways_out = "Use engine='tnsim', which keeps copy tensors sparse, smaller windows or batches, or raise memory."
    copies = sum(dense_copies(network).values())
    for largest in (lambda: 0, lambda: largest_on_path(network)):  # look for a path only where the copies fit
        needed = (copies + len(features) * largest()) * itemsize
        limits.check(min(needed, HUGE), memory, "engine 'tensornetwork', with dense copy tensors,", ways_out)


HUGE = 10**300  # bytes; what is beyond has no float to print


@lru_cache(maxsize=64)
def dense_copies(network: Network) -> dict[int, int]:
    """How many numbers each copy tensor has once it is dense, by its index: dimension ** order."""
    counts, dims = network.leg_counts.tolist(), network.dims.tolist()
    return {index: dims[index] ** count for index, count in enumerate(counts) if count > 2}


@lru_cache(maxsize=64)
def largest_on_path(network: Network) -> int:
    """Numbers in the largest tensor of one sample's greedy path with dense copy tensors.

    An estimate: TensorNetwork's own path depends on the order of a set.
    """
    copies, dims = dense_copies(network), network.dims.tolist()
    legs: list[list[tuple[int, int]]] = [[] for _ in dims]  # the edges that an index becomes once its copy is a tensor
    terms = [[_edge(legs, copies, index) for index in tensor.legs] for tensor in network.tensors()]
    terms += [[_edge(legs, copies, index)] for index in network.sites.array.tolist()]
    opened = [_edge(legs, copies, index) for index in network.outputs]
    terms += [legs[index] for index in copies]
    return _largest([frozenset(term) for term in terms], frozenset(opened), dims)


def _edge(legs: list[list[tuple[int, int]]], copies: dict[int, int], index: int) -> tuple[int, int]:
    """The next edge of a dense copy tensor, or the index itself where it is a plain edge."""
    if index not in copies:
        return index, 0
    legs[index].append((index, len(legs[index])))
    return legs[index][-1]


def _largest(terms: list[frozenset], opened: frozenset, dims: list[int]) -> int:
    """Numbers in the largest tensor of opt_einsum's greedy path over plain edges."""
    size = {edge: dims[edge[0]] for term in terms for edge in term}
    left, largest = list(terms), 0
    for places in opt_einsum.paths.greedy(terms, opened, size):
        taken = [left.pop(place) for place in sorted(places, reverse=True)]
        met = frozenset.symmetric_difference(*taken) if len(taken) == 2 else taken[0]  # a plain edge has two ends
        left.append(met)
        numbers = 1
        for edge in met:
            numbers *= size[edge]
        largest = max(largest, numbers)
    return largest
