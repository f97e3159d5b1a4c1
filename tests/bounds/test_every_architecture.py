"""The doors of the bounds for every architecture: the least cut of all, ranks below it, clear refusals elsewhere."""

from dataclasses import dataclass
from math import log, prod
from types import SimpleNamespace

import cut_oracle
import numpy as np
import oracle
import pytest
from architectures.networks import POOL, Case, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import masks

import tnsim
from tnsim import partitions
from tnsim.bounds import (
    min_cut,
    min_cuts,
    network_min_cut,
    pareto_front,
    pooling_bounds,
    rank_bounds,
    rank_gap,
    sensitivity,
    shared_upper,
)
from tnsim.network import Stack, Table, build

ENUMERATED = 14  # tensors whose 2^tensors assignments of sides are all looked at
UNLAYERED = [name for name in POOL if name != "cp"]


@dataclass(frozen=True)
class Ring:
    """A user's own architecture, as docs/extending.md has it: a network and nothing else."""

    sites: int
    bond: int

    @property
    def network(self):
        k = np.arange(self.sites)
        legs = np.stack([k, self.sites + (k - 1) % self.sites, self.sites + k], axis=1)
        stack = Stack("core", self.sites, (2, self.bond, self.bond), Table(k), Table(legs))
        return build([("site", self.sites, 2), ("bond", self.sites, self.bond)], [stack], k, ())


@dataclass(frozen=True)
class Plane(Ring):
    """The same ring, its sites said to lie on a grid."""

    grid: tuple[int, int] = (2, 3)


def least(network, mask):
    legs = [view.legs for view in network.tensors()]
    return cut_oracle.least_cuts(network.dims.tolist(), legs, network.sites.array.tolist(), mask)[0]


@pytest.mark.parametrize("name", POOL)
@pytest.mark.parametrize("A", ["left-right", "interleaved"])
def test_the_cut_of_every_architecture_is_the_least_of_all(name, A):
    arch = POOL[name]
    mask = partitions.mask(partitions.sites_of(arch), A)
    cut = min_cut(arch, A)
    assert cut.value == min_cut(arch, mask).value == network_min_cut(arch.network, mask).value
    assert cut.value == min_cuts(arch, mask[None]).values[0] == prod(edge.dim for edge in cut.edges)
    assert sum(cut.levels.values()) == len(cut.edges)
    if arch.network.tensor_count <= ENUMERATED:
        assert cut.value == least(arch.network, mask)


@settings(max_examples=15, deadline=None)
@given(cases(dtypes=("float64",)), st.data())
def test_no_rank_exceeds_the_cut_of_its_architecture(case, data):
    mask, label = data.draw(masks(case.arch.size)), data.draw(st.sampled_from(case.classes))
    cut, bounds = min_cut(case.arch, mask), rank_bounds(case.arch, mask)
    rank = int((oracle.spectrum(case.dense(label), mask)[0] > 1e-9).sum())
    assert rank <= bounds.upper <= cut.value
    assert case.arch.state(case.params, label).exact_rank(mask).value <= cut.value


def test_a_cut_that_binds():
    """Random bonds of 2 through a chain of 6 give the rank that the cut allows, and no less."""
    case = Case("mps-bonds", "float64", 1)
    for site, bond in enumerate(case.arch.bonds):
        cut = min_cut(case.arch, range(site + 1))
        rank = case.arch.state(case.params, 0).exact_rank(range(site + 1)).value
        assert rank == cut.value == min(bond, 2 ** (site + 1), 2 ** (4 - site))


def test_names_go_by_the_grid_or_else_by_a_row():
    assert min_cut(Ring(6, 3), "left-right").value == 8  # three sites of 2, not two bonds of 3
    assert min_cut(Ring(6, 2), "left-right").levels == {"bond": 2}
    assert min_cut(Plane(6, 2), "top-bottom").value == min_cut(Ring(6, 2), [0, 1, 2]).value == 4
    assert min_cut(Plane(6, 2), "left-right").value == least(Plane(6, 2).network, np.arange(6) % 3 < 1) == 4
    peps = tnsim.PEPS((4, 4), 4, 3)
    assert min_cut(peps, "left-right").factors == {3: 4}  # the boundary law: one bond a row
    assert rank_bounds(peps, "left-right")[:2] == (1, 81)
    assert rank_gap(peps, "left-right").log == pytest.approx(log(81))
    assert shared_upper(tnsim.MPS(6, 2, 2), "left-right") == 2
    with pytest.raises(ValueError, match="'top-bottom' needs sites=\\(height, width\\)"):
        min_cut(Ring(6, 3), "top-bottom")


TREES_ONLY = {
    "sensitivity": lambda arch: sensitivity(arch, [0]),
    "pooling_bounds": lambda arch: pooling_bounds(arch, [0]),
    "pareto_front": lambda arch: pareto_front(arch, [[0]], [2]),
}


@pytest.mark.parametrize("bound", TREES_ONLY)
@pytest.mark.parametrize("name", [*UNLAYERED, "own"])
def test_bounds_of_trees_say_what_there_is_for_others(bound, name):
    arch = Ring(4, 2) if name == "own" else POOL[name]
    words = rf"^arch: {bound} wants a layered tree .*found {type(arch).__name__}.*bounds\.min_cut\(arch, A\)"
    with pytest.raises(ValueError, match=words):
        TREES_ONLY[bound](arch)


@pytest.mark.parametrize("bound", [min_cut, rank_bounds, sensitivity, pooling_bounds])
def test_what_is_no_architecture(bound):
    network = POOL["peps"].network
    with pytest.raises(ValueError, match=r"found Network; tnsim.bounds.network_min_cut takes a network itself"):
        bound(network, [0])
    with pytest.raises(ValueError, match=r"wanted an architecture, with a Network as its .network, found int"):
        bound(3, [0])
    wrong = SimpleNamespace(network=network, grid=(2, 2))
    if bound in (min_cut, rank_bounds):
        with pytest.raises(ValueError, match=r"arch: wanted a grid of its network's 6 sites, found \(2, 2\)"):
            bound(wrong, [0])
