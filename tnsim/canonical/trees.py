"""Networks without loops as trees of dense cores, and back. Uses bench, compression's cores.

    copy index of k legs -> k - 2 joins, two legs at a time       C[a, b, g] = sum_c K[c, a] K'[c, b] P[c, g]

A window of 2^m positions is 2^m - 1 joins; the matrices beside a join go into it.
"""

from __future__ import annotations

from itertools import count

import numpy as np
from jaxtyping import Num

from tnsim import memory
from tnsim.banks import Banks, measurable
from tnsim.canonical.bench import Bench, settled
from tnsim.canonical.state import TreeState, concrete
from tnsim.canonical.wiring import refuse_loops
from tnsim.compression.cores import Cores
from tnsim.network import Indices, Network, Stack, Table, build


def tree_of(
    network: Network, banks: Banks, label: int | None = None, limit: str | float | None = None
) -> TreeState:  # fmt: skip
    """The state of any network without loops, its copy indices as joins of dense cores.

    label: of the class leg; None: a class leg is one more site, the last. Parts that nothing joins are joined by bonds
    of dimension 1. Raises ValueError for loops, banks that do not fit, an unknown label; MemoryLimitError.
    """
    arrays = measurable(network, banks)
    refuse_loops(network)
    _check_label(network, label)
    dims, counts = network.dims, network.leg_counts
    memory.check(
        16.0 * float((dims.astype(float) ** 3 * np.maximum(counts - 2, 0)).sum()), limit,
        "tree_of: dense copy tensors", "Ways out: measures of the network itself; narrower levels; a higher limit.",
    )  # fmt: skip
    bench, names, ends = Bench(), count(len(dims)), dict[int, list[int]]()

    def name(index: int) -> int:
        """Of a leg: its index where that is a plain bond, one of its own where it is a copy."""
        ends.setdefault(index, []).append(index if counts[index] == 2 else next(names))
        return ends[index][-1]

    for view in network.tensors():
        bank = arrays[view.bank]
        bench.put(bank if bank.ndim == len(view.shape) else bank[view.slot], [name(index) for index in view.legs])
    opened = [*network.sites.array.tolist(), *(network.outputs if label is None else ())]
    sites = {name(index): ~site for site, index in enumerate(opened)}
    if label is not None:
        bench.put(np.eye(dims[network.outputs[0]])[label], [name(network.outputs[0])])
    for index, legs in ends.items():
        if counts[index] != 2:
            _join(bench, legs, int(dims[index]), names)
    return settled(bench, sites)


def of_cores(cores: Cores, label: int | None = None) -> TreeState:
    """The state of a tree of `compression.dense_cores`; label as in `tree_of`."""
    classes = len(cores.output)
    if label is not None and not 0 <= label < classes:
        raise ValueError(f"label: wanted one of 0..{classes - 1}, found {label}")
    bench, legs = Bench(), list(range(1 + int(cores.joins[0].pairs.max())))
    sites, names = {leg: ~leg for leg in legs}, count(len(legs))
    for join in cores.joins:
        ups = [next(names) for _ in join.pairs]
        for row, (one, other), up in zip(join.rows.tolist(), join.pairs.tolist(), ups, strict=True):
            bench.put(join.cores[row], [up, legs[one], legs[other]], join=True)
        legs = ups
    if label is None:
        sites[top := next(names)] = ~len(sites)
        bench.put(cores.output, [top, legs[0]])
    else:
        bench.put(cores.output[label], [legs[0]])
    return settled(bench, sites)


def network_of(state: TreeState) -> tuple[Network, dict[str, Num[np.ndarray, "..."]]]:
    """(network, banks) of a state, the scale spread over all cores; cores of one shape share a bank of many rows."""
    state = concrete(state, "network_of")
    factor = np.exp(state.log_scale / len(state.cores))
    runs = [Indices(f"site_{i}", 1, d) for i, d in enumerate(state.dims)]
    if len(set(state.dims)) == 1:
        runs = [Indices("site", state.sites, state.dims[0])]
    runs += [Indices(f"bond_{i}", 1, d) for i, d in enumerate(state.bond_dims)]
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, core in enumerate(state.cores):
        groups.setdefault(core.shape, []).append(number)
    stacks, banks = [], {}
    for place, (shape, members) in enumerate(groups.items()):
        legs = [[~leg if leg < 0 else state.sites + leg for leg in state.wiring.legs[member]] for member in members]
        stacks.append(Stack(f"cores_{place}", len(members), shape, Table(np.arange(len(members))), Table(legs)))
        banks[f"cores_{place}"] = np.stack([state.cores[member] * factor for member in members])
    return build(runs, stacks, np.arange(state.sites), ()), banks


def _check_label(network: Network, label: int | None) -> None:
    if label is None:
        return
    if len(network.outputs) != 1:
        raise ValueError(f"label: wanted a network with one class leg, found {len(network.outputs)}")
    classes = int(network.dims[network.outputs[0]])
    if not 0 <= label < classes:
        raise ValueError(f"label: wanted one of 0..{classes - 1}, found {label}")


def _join(bench: Bench, legs: list[int], dim: int, names) -> None:
    """Copy tensors of three legs over all legs of an index, two at a time."""
    if len(legs) == 1:
        raise ValueError(f"network: wanted every open leg to be a site or the class leg, found one of dimension {dim}")
    while len(legs) > 3:
        inner, last = legs[:-1], legs[-1:]  # the last leg leads up: a network's stacks go from the sites upwards
        ups = [next(names) for _ in range(len(inner) // 2)]
        for up, one, other in zip(ups, inner[::2], inner[1::2], strict=False):
            bench.put(_copy(dim, 3), [one, other, up], join=True)
        legs = [*ups, *inner[2 * len(ups) :], *last]
    bench.put(_copy(dim, len(legs)), legs, join=True)


def _copy(dim: int, legs: int) -> Num[np.ndarray, "..."]:
    found = np.zeros((dim,) * legs)
    found[(np.arange(dim),) * legs] = 1
    return found
