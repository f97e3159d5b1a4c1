"""cotengra: an expression over hyperedges, traced by jax.jit with backend="jax". Uses jaxes."""

from __future__ import annotations

import warnings
from typing import Any

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import eager_only
from tnsim.bench.peers.jaxes import Contraction, from_einsums
from tnsim.bench.workloads import Einsum

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of partitioners that are not installed
    import cotengra

NOTE = (
    "array_contract_expression with copy tensors and the batch as hyperedges, called with backend='jax' inside "
    "one jax.jit, every tensor an argument (tried: cut from whole banks inside, compiling takes 12 to 18 times as "
    "long). Path: the cheaper of 'greedy' and a seeded RandomGreedyOptimizer up to 1100 tensors, 'greedy' beyond. "
    "The presets 'auto' and 'auto-hq' fork after JAX has started and give other paths each time: not used."
)
TENSORS, TRIALS = 1100, 16


def refuses(case: Case) -> str | None:
    """All but a graph of nodes."""
    return eager_only(case)


def tree_of(einsum: Einsum) -> Any:
    """The contraction tree: of the given path, or the best of cotengra's greedy searches."""
    question = einsum.letters
    if einsum.path is not None:
        return cotengra.ContractionTree.from_path(*question, path=einsum.path)
    greedy = cotengra.array_contract_tree(*question, optimize="greedy")
    if len(einsum.terms) > TENSORS:
        return greedy
    random = cotengra.RandomGreedyOptimizer(parallel=False, seed=0, max_repeats=TRIALS).search(*question)
    return min((greedy, random), key=lambda tree: tree.contraction_cost())


def contraction(einsum: Einsum) -> Contraction:
    """Tree and expression."""
    tree = tree_of(einsum)
    expression = cotengra.array_contract_expression(*einsum.letters, optimize=tree, cache=False)
    return Contraction(lambda operands: expression(*operands, backend="jax"), float(tree.contraction_cost()))


def prepare(case: Case) -> Prepared:
    """Path, trace, compile, first run."""
    return from_einsums(case, contraction, NOTE)
