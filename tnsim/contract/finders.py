"""In which order the tensors of a network meet: path finders behind one door. Uses steps, grouped; used by plan.

    terms, open indices, dims --["greedy" | "optimal" | "clusters" | Grouped | "cotengra" | "cotengra-hyper"]--> path:
                                                              places taken out, step by step; the result goes last

All search in this process and from the given seed alone, so that equal seeds give equal paths, in any process; nothing
is forked, which would hang once JAX runs threads.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import opt_einsum

from tnsim.contract.grouped import path_of
from tnsim.contract.steps import Term, costs, opened_of, terms_of, walk
from tnsim.network import Network

try:
    import cotengra
except ImportError:  # the extra `paths`
    cotengra = None

STARTS = 4  # trees whose subtrees are reconfigured
FINDERS = ("greedy", "optimal", "clusters", "cotengra", "cotengra-hyper")
OPTIMAL = 16  # tensors; beyond, an optimal search does not end

Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Grouped:
    """A finder: the numbers of the tensors in groups, each in one, that meet as wholes, cluster by cluster."""

    groups: tuple[tuple[int, ...], ...]


Finder = str | Grouped | Sequence[Sequence[int]]


def here() -> tuple[str, ...]:
    """The finders that can be asked here: cotengra's where it is installed."""
    return tuple(name for name in FINDERS if cotengra is not None or not name.startswith("cotengra"))


def find(network: Network, finder: Finder = "greedy", seed: int = 0, trials: int = 32) -> Path:
    """A path: at each step the places that are taken out of the list of tensors; their product is appended.

    finder: "greedy" and "optimal" (at most 16 tensors) are opt_einsum's; "clusters" is greedy in what stays alive and,
    of costly networks, the best of some that stray from it; `Grouped` the same of groups of tensors. "cotengra" is its
    best of `trials` random greedy searches, "cotengra-hyper" the best of four such with their subtrees reconfigured,
    both from `seed`; or a path of one's own, as opt_einsum and cotengra give it.

    Raises ValueError for another finder, groups that are none or too many tensors, ImportError where cotengra is not
    installed.
    """
    if isinstance(finder, Grouped):
        return _grouped(network, finder.groups)
    if not isinstance(finder, str):
        return tuple(tuple(int(place) for place in places) for places in finder)
    return _found(network, finder, seed, trials)


@lru_cache(maxsize=256)
def _found(network: Network, finder: str, seed: int, trials: int) -> Path:
    if finder not in FINDERS:
        raise ValueError(f"finder: wanted one of {FINDERS} or a path, found {finder!r}")
    terms, opened, dims = terms_of(network), opened_of(network), dict(enumerate(map(int, network.dims.tolist())))
    if len(terms) == 1:
        return ()
    if finder == "optimal" and len(terms) > OPTIMAL:
        raise ValueError(f"finder: wanted at most {OPTIMAL} tensors for 'optimal', found {len(terms)}")
    if finder == "clusters":
        return _grouped(network, tuple((place,) for place in range(len(terms))))
    if finder.startswith("cotengra"):
        return _cotengra(finder, (terms, opened, dims), seed, trials)
    search: Any = opt_einsum.paths.greedy if finder == "greedy" else opt_einsum.paths.optimal
    path = _searched(search, terms, opened, dims)
    if finder == "optimal" or not (batch := _batch(terms, opened)):
        return path
    tried = (path, _searched(search, terms, opened, dims, batch))
    return min(tried, key=lambda one: costs(walk(network, one)).multiply_adds)


def _batch(terms: Sequence[Term], opened: Term) -> frozenset[int]:
    """Open indices of more than two tensors, such as that of samples: no contraction sums them, and a greedy search
    that sees them pairs what has nothing else in common, until products of all samples' sites are formed."""
    uses = Counter(index for term in terms for index in set(term))
    return frozenset(index for index in opened if uses[index] > 2)


def _searched(
    search: Any, terms: Sequence[Term], opened: Term, dims: dict[int, int], hidden: frozenset[int] = frozenset()
) -> Path:
    path = search([frozenset(term) - hidden for term in terms], frozenset(opened) - hidden, dims)
    return tuple(tuple(map(int, places)) for places in path)


@lru_cache(maxsize=256)
def _grouped(network: Network, groups: tuple[tuple[int, ...], ...]) -> Path:
    terms = terms_of(network)
    if sorted(place for group in groups for place in group) != list(range(len(terms))) or not all(groups):
        raise ValueError(f"finder: wanted each of {len(terms)} tensors in one group, found {groups}")
    return path_of(terms, groups, opened_of(network), network.dims.tolist())


def _cotengra(finder: str, question: tuple[Sequence[Term], Term, dict[int, int]], seed: int, trials: int) -> Path:
    if cotengra is None:
        raise ImportError(f"finder: {finder!r} wants cotengra, found none installed; pip install 'tnsim[paths]'")
    terms, opened, dims = question
    symbol = opt_einsum.get_symbol  # compiled helpers of cotengra take texts alone
    named = [tuple(map(symbol, term)) for term in terms], tuple(map(symbol, opened))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optional packages that it would like to have
        tree = _tree(finder, (*named, {symbol(index): dim for index, dim in dims.items()}), seed, trials)
        return tuple(tuple(map(int, places)) for places in tree.get_path())


def _tree(finder: str, question: tuple[Any, ...], seed: int, trials: int) -> Any:
    """Random greedy trees are the ones that a seed decides; subtrees are then reconfigured from these alone."""
    if finder == "cotengra":
        return cotengra.RandomGreedyOptimizer(parallel=False, seed=seed, max_repeats=trials).search(*question)
    trees = []
    for start in range(STARTS):
        optimizer = cotengra.RandomGreedyOptimizer(
            parallel=False, seed=STARTS * seed + start, max_repeats=max(1, trials // STARTS)
        )
        trees.append(optimizer.search(*question).subtree_reconfigure(progbar=False))
    return min(trees, key=lambda tree: tree.total_flops())
