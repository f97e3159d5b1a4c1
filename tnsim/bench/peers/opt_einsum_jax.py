"""opt_einsum: a contract_expression over hyperedges under jax.jit. Uses jaxes."""

from __future__ import annotations

import opt_einsum

from tnsim.bench.cases import Case, Prepared
from tnsim.bench.peers.common import eager_only
from tnsim.bench.peers.jaxes import Contraction, from_einsums
from tnsim.bench.workloads import Einsum
from tnsim.bench.workloads.graphs import path_cost

NOTE = (
    "contract_expression with path 'greedy', the one of its searches that ends for thousands of tensors; copy "
    "tensors and the batch as hyperedges, one jax.jit with every tensor an argument (tried: cut from whole banks "
    "inside, which compiles ten times as long)."
)


def refuses(case: Case) -> str | None:
    """All but a graph of nodes."""
    return eager_only(case)


def words(einsum: Einsum) -> str:
    """The equation in letters."""
    terms, output, _ = einsum.letters
    return ",".join(map("".join, terms)) + "->" + "".join(output)


def path_of(einsum: Einsum) -> list[tuple[int, ...]]:
    """The given path, or the one that the greedy search finds."""
    if einsum.path is not None:
        return list(einsum.path)
    terms = [frozenset(term) for term in einsum.terms]
    return opt_einsum.paths.greedy(terms, frozenset(einsum.output), einsum.sizes)


def contraction(einsum: Einsum) -> Contraction:
    """Plan once, call with operands."""
    path = path_of(einsum)
    expression = opt_einsum.contract_expression(words(einsum), *einsum.shapes, optimize=path)
    return Contraction(lambda operands: expression(*operands, backend="jax"), path_cost(einsum, path))


def prepare(case: Case) -> Prepared:
    """Path, trace, compile, first run."""
    return from_einsums(case, contraction, NOTE)
