"""Closed networks with loops, each with one path for all contenders: regular graphs, PEPS, strips. Uses workload.

    terms --[opt_einsum's random-greedy search, its trials numbered: the same path in every process]--> path
    a strip, tensors column by column --[one after the other]--> path, whose steps repeat with every column

Entries are positive and scaled so that the contracted number is of order 1: no cancellation, no range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import prod

import networkx
import numpy as np
import opt_einsum

from tnsim.bench.cases import Case
from tnsim.bench.workloads.workload import Answer, Arrays, Einsum, Floor, Operand, real

TRIALS = 64


def searched(terms, output, sizes) -> tuple[tuple[int, ...], ...]:
    """The cheapest path of TRIALS random-greedy trials; trial n draws from seed n."""
    finder = opt_einsum.RandomGreedy(max_repeats=TRIALS, parallel=False, minimize="flops")
    return tuple(map(tuple, finder([frozenset(term) for term in terms], frozenset(output), sizes)))


def swept(tensors: int) -> tuple[tuple[int, ...], ...]:
    """One tensor after the other, in their order."""
    return ((0, 1), *((0, left) for left in range(tensors - 2, 0, -1)))


def path_cost(einsum: Einsum, path: Sequence[Sequence[int]]) -> float:
    """Scalar multiply-adds of a path: the product of all sizes that meet, step by step."""
    left, total = [set(term) for term in einsum.terms], 0
    uses = Counter(index for term in (*left, set(einsum.output)) for index in term)
    for places in path:
        taken = [left.pop(place) for place in sorted(places, reverse=True)]
        met = set.union(*taken)
        uses.subtract(index for term in taken for index in term)
        kept = {index for index in met if uses[index]}
        uses.update(kept)
        left.append(kept)
        total += prod(einsum.sizes[index] for index in met)
    return float(total)


def graph_of(case: Case) -> networkx.Graph:
    """A random 3-regular graph of N nodes, or a grid; a strip's is numbered column by column.

    Raises ValueError for sites of the other kind.
    """
    if case.workload == "regular" and isinstance(case.sites, int):
        return networkx.random_regular_graph(3, case.sites, seed=case.seed)
    if case.workload == "peps" and not isinstance(case.sites, int):
        return networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(*case.sites), ordering="sorted")
    if case.workload == "strip" and not isinstance(case.sites, int):
        turned = networkx.grid_2d_graph(*reversed(case.sites))
        return networkx.convert_node_labels_to_integers(turned, ordering="sorted")
    raise ValueError(f"sites: wanted an int for 'regular', (height, width) for 'peps' and 'strip', found {case.sites}")


@lru_cache(maxsize=8)
def _einsum(case: Case) -> Einsum:
    graph = graph_of(case)
    number = {frozenset(edge): index for index, edge in enumerate(graph.edges)}
    nodes = sorted(graph.nodes)
    terms = tuple(tuple(number[frozenset((node, other))] for other in sorted(graph[node])) for node in nodes)
    sizes = dict.fromkeys(range(len(number)), case.width)
    operands = tuple(Operand(f"tensor_{node}") for node in nodes)
    path = swept(len(terms)) if case.workload == "strip" else searched(terms, (), sizes)
    return Einsum(terms, (), sizes, operands, path)


def graph_einsums(case: Case) -> tuple[Einsum, ...]:
    """One closed network, bond = width."""
    return (_einsum(case),)


def graph_inputs(case: Case) -> Arrays:
    """A tensor at every node, uniform in (0, 2) bond^(-degree / 2)."""
    rng, graph = np.random.default_rng(case.seed), graph_of(case)
    shapes = {node: (case.width,) * graph.degree[node] for node in sorted(graph.nodes)}
    drawn = {node: 2 * rng.random(shape) * case.width ** (-len(shape) / 2) for node, shape in shapes.items()}
    return {f"tensor_{node}": tensor.astype(case.dtype) for node, tensor in drawn.items()}


def path_floor(case: Case, einsum: Einsum) -> Floor:
    """The path's multiply-adds; every operand read, the result written."""
    sizes = einsum.sizes
    numbers = sum(map(prod, einsum.shapes)) + prod(sizes[index] for index in einsum.output)
    return Floor(path_cost(einsum, einsum.path or ()), float(numbers * np.dtype(case.dtype).itemsize))


def graph_floor(case: Case) -> Floor:
    """Of the one path."""
    return path_floor(case, _einsum(case))


def graph_answer(case: Case, tensors: Sequence) -> Answer:
    """The contracted number."""
    return real(tensors[0])
