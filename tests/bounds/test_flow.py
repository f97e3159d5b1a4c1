"""Min-cuts of any network against every assignment of sides, as integers; all minimal cuts; the ranks they bound."""

import json
from itertools import pairwise
from math import log, prod

import cut_oracle
import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL, masks

import tnsim
from tnsim.bounds import min_cut, minimal_cuts, network_min_cut
from tnsim.bounds.capacities import capacities, coprime_base, exponents
from tnsim.memory import MemoryLimitError
from tnsim.network import Stack, Table, build

N = 2**31 + 11
PALETTES = [  # powers of one integer; ties (2 6 = 3 4); coprime; beyond 2^63 within two; near ties: (N-1)(N+1) and N^2
    (1, 2, 4, 8), (2, 3, 4, 6, 12), (2, 3, 5), (5,), (2**40, 3**25, 2**41 - 1), (N - 1, N, N + 1),
]  # fmt: skip


@st.composite
def networks(draw, palettes=PALETTES, most_indices=8, most_tensors=7):
    """(dims, legs, sites, outputs, mask): loops, copy indices, traces, scalars, parts apart, two sites on one index."""
    palette = draw(st.sampled_from(palettes))
    dims = draw(st.lists(st.sampled_from(palette), min_size=1, max_size=most_indices))
    numbers = st.integers(0, len(dims) - 1)
    legs = draw(st.lists(st.lists(numbers, max_size=4).map(tuple), max_size=most_tensors))
    sites = draw(st.lists(numbers, min_size=2, max_size=5))
    outputs = tuple(draw(st.lists(numbers, max_size=2)))
    return dims, legs, sites, outputs, draw(masks(len(sites)))


def built(dims, legs, sites, outputs=()):
    """The network of plain lists: a run for every index, a stack for every tensor."""
    runs = [(f"i{k}", 1, dim) for k, dim in enumerate(dims)]
    stacks = [
        Stack(f"t{k}", 0, tuple(dims[i] for i in its), Table([0]), Table(np.reshape(np.array(its, np.int32), (1, -1))))
        for k, its in enumerate(legs)
    ]
    return build(runs, stacks, np.array(sites, np.int32), outputs)


def severed(cut):
    return frozenset(index.number for index in cut.indices if index.dim > 1)


@settings(max_examples=250)
@given(networks())
def test_the_cut_is_the_least_of_all(drawn):
    dims, legs, sites, outputs, mask = drawn
    network = built(dims, legs, sites, outputs)
    least, _ = cut_oracle.least_cuts(dims, legs, sites, mask)
    near, far = (network_min_cut(network, mask, closest=closest) for closest in "AB")
    assert near.value == far.value == least == prod(index.dim for index in near.indices)
    assert near.log == pytest.approx(log(least))
    assert not (near.side & ~far.side).any()


@settings(max_examples=150)
@given(networks([(1, 2, 4), (2, 3, 4, 6, 12), (3,)]))
def test_minimal_cuts_are_all_that_there_are_each_once(drawn):
    dims, legs, sites, outputs, mask = drawn
    network = built(dims, legs, sites, outputs)
    least, wanted = cut_oracle.least_cuts(dims, legs, sites, mask)
    found = list(minimal_cuts(network, mask))
    assert {cut.value for cut in found} == {least}
    assert sorted(map(sorted, map(severed, found))) == sorted(map(sorted, wanted))
    assert severed(found[0]) == severed(network_min_cut(network, mask))
    assert severed(network_min_cut(network, mask, closest="B")) in wanted


@st.composite
def lines(draw):
    """Tensors in two lines between two sites, their joints of equal weight, perhaps with rungs: many minimal cuts."""
    length, dims, legs = draw(st.integers(2, 4)), [10**6, 10**6], [[0], [1]]
    for _ in range(2):
        line = [0, *range(len(legs), len(legs) + length - 1), 1]
        legs += [[] for _ in line[2:]]
        for one, other in pairwise(line):
            for dim in draw(st.sampled_from([(12,), (2, 6), (3, 4), (12, 1), (24,)])):
                legs[one].append(len(dims))
                legs[other].append(len(dims))
                dims.append(dim)
    for rung in draw(st.lists(st.lists(st.integers(0, len(legs) - 1), min_size=2, max_size=3), max_size=2)):
        for tensor in rung:
            legs[tensor].append(len(dims))
        dims.append(draw(st.sampled_from((1, 2))))
    return dims, [tuple(its) for its in legs], [0, 1]


@settings(max_examples=60)
@given(lines())
def test_minimal_cuts_of_lines_are_all_that_there_are(drawn):
    dims, legs, sites = drawn
    wanted = cut_oracle.least_cuts(dims, legs, sites, [True, False])[1]
    found = [severed(cut) for cut in minimal_cuts(built(dims, legs, sites), [0])]
    assert sorted(map(sorted, found)) == sorted(map(sorted, wanted))


@settings(max_examples=50)
@given(networks())
def test_fixed_labels_cost_nothing(drawn):
    dims, legs, sites, outputs, mask = drawn
    fixed = [1 if i in outputs else dim for i, dim in enumerate(dims)]
    cut = network_min_cut(built(dims, legs, sites, outputs), mask, outputs="fixed")
    assert cut.value == cut_oracle.least_cuts(fixed, legs, sites, mask)[0]


@settings(max_examples=100)
@given(networks([(1, 2, 3), (2,)], most_indices=6, most_tensors=4), st.integers(0, 2**32 - 1))
def test_no_rank_exceeds_the_cut(drawn, seed):
    dims, legs, sites, outputs, mask = drawn
    rank = cut_oracle.generic_rank(dims, legs, sites, outputs, mask, np.random.default_rng(seed))
    cut = network_min_cut(built(dims, legs, sites, outputs), mask, outputs="fixed")
    assert rank <= cut.value <= network_min_cut(built(dims, legs, sites, outputs), mask).value


TREES = [(arch, strategies.wiring(arch)) for arch in POOL if sum(arch.positions) <= 9]


@settings(max_examples=120)
@given(st.sampled_from(TREES), st.sampled_from(PALETTES), st.data())
def test_three_ways_agree_on_trees(tree, palette, data):
    arch, wiring = tree
    dims = [data.draw(st.sampled_from(palette)) for _ in range(arch.depth + 2)]
    mask = data.draw(masks(arch.size))
    wide = tnsim.ConvAC(
        sites=arch.sites, features=dims[0], channels=tuple(dims[1:-1]), windows=arch.windows, classes=dims[-1],
        sharing=arch.sharing, geometry=arch.geometry,
    )  # fmt: skip
    every, legs, sites = cut_oracle.layered(wiring, dims)
    least, _ = cut_oracle.least_cuts(every, legs, sites, mask)
    assert min_cut(wide, mask).value == network_min_cut(wide.network, mask).value == least


def chain(first, second):
    """A site, indices `first` to a tensor, indices `second` on, a site: two places to cut."""
    dims = [10**18, 10**18, *first, *second]
    one, two = range(2, 2 + len(first)), range(2 + len(first), len(dims))
    return built(dims, [(0, *one), (*one, *two), (*two, 1)], [0, 1])


def test_near_ties_are_told_apart():
    near = [N - 1, N + 1] * 4  # less than N^8 by four parts in N^2: no float sees it
    assert log(prod(near)) == log(N**8)
    for first, second in [(near[:2], [N] * 2), ([N] * 2, near[:2])]:
        dims = [N**2, N**2, *first, *second]
        network = built(dims, [(0, 2, 3), (2, 3, 4, 5), (4, 5, 1)], [0, 1])
        for closest in "AB":
            cut = network_min_cut(network, [0], closest=closest)
            assert cut.value == N**2 - 1
            assert set(cut.factors) == {N - 1, N + 1}
        assert len(list(minimal_cuts(network, [0]))) == 1


def test_ties_of_other_factors_are_ties():
    network = chain([2, 6, 5], [3, 4, 5])
    near, far = (network_min_cut(network, [0], closest=closest) for closest in "AB")
    assert (near.factors, far.factors) == ({2: 1, 5: 1, 6: 1}, {3: 1, 4: 1, 5: 1})
    assert near.side.tolist() == [True, False, False]
    assert far.side.tolist() == [True, True, False]
    assert [cut.factors for cut in minimal_cuts(network, [0])] == [near.factors, far.factors]


def test_a_limit_stops_an_exponential_number_of_cuts():
    line = [(i, i + 1) for i in range(20)]
    dims, legs, sites = [2] * 21 * 8, [], []
    for row in range(8):  # eight lines of twenty tensors: 21^8 minimal cuts
        legs += [(21 * row + i, 21 * row + j) for i, j in line]
        sites += [21 * row, 21 * row + 20]
    network = built(dims, legs, sites)
    found = list(minimal_cuts(network, range(0, 16, 2), limit=100))
    assert len({severed(cut) for cut in found}) == 100
    assert {cut.value for cut in found} == {2**8}
    with pytest.raises(ValueError, match="limit: wanted at least 1"):
        minimal_cuts(network, [0], limit=0)


def test_what_a_cut_says():
    arch = tnsim.ConvAC(sites=8, features=4, channels=(3, 2, 5), windows=(2, 2, 2), classes=10)
    cut = network_min_cut(arch.network, range(4, 8))
    assert [(index.name, index.dim) for index in cut.indices] == [("pool_1[1]", 2)]
    assert repr(cut) == "NetworkCut(2^1, ln 0.693147, 1 indices severed)"
    told = json.loads(json.dumps(cut.to_json()))
    assert told["factors"] == {"2": 1}
    assert told["value"] == "2"
    assert told["side"] == np.flatnonzero(cut.side).tolist() == [4, 5, 6, 7, 10, 11]
    side = network_min_cut(arch.network, range(4, 8), closest="B").side
    assert np.flatnonzero(~side).tolist() == [0, 1, 2, 3, 8, 9]  # severs pool_1[0], of dimension 2 too


@pytest.mark.parametrize(
    ("A", "words"),
    [
        ([], "at least one site"), ([0, 1], "at least one site to B"), ([7], "found 7"), ("left-right", "the name"),
        (np.ones(3, bool), "a mask must have shape"),
    ],
)  # fmt: skip
def test_partitions_that_do_not_fit(A, words):
    for bound in (network_min_cut, minimal_cuts):
        with pytest.raises(ValueError, match=words):
            bound(chain([2], [3]), A)


def test_what_is_refused():
    network = chain([2], [3])
    with pytest.raises(ValueError, match="closest: wanted one of"):
        network_min_cut(network, [0], closest="C")
    with pytest.raises(ValueError, match="outputs: wanted one of"):
        network_min_cut(network, [0], outputs="none")
    with pytest.raises(MemoryLimitError, match="the flow through 4 indices"):
        network_min_cut(network, [0], memory=100)
    with pytest.raises(ValueError, match="dimensions of at least 1, found 0 at i0"):
        network_min_cut(built([0, 2], [(0, 1)], [0, 1]), [0])


@given(st.lists(st.integers(1, 10**6), max_size=6))
def test_a_coprime_base_makes_all_numbers(numbers):
    base = coprime_base(numbers)
    assert all(np.gcd(one, other) == 1 for i, one in enumerate(base) for other in base[:i])
    for number in numbers:
        assert prod(b**count for b, count in exponents(number, base).items()) == number


@given(st.lists(st.integers(2, 60), min_size=2, max_size=8), st.data())
def test_capacities_compare_as_products_do(dims, data):
    chosen = st.lists(st.sampled_from(dims), max_size=12)
    one, other = data.draw(chosen), data.draw(chosen)
    cost = capacities(dims, prod(one))
    sums = [sum(cost[dim] for dim in picked) for picked in (one, other)]
    assert (sums[0] < sums[1]) == (prod(one) < prod(other))
    assert (sums[0] == sums[1]) == (prod(one) == prod(other))


def test_powers_of_one_integer_are_their_exponents():
    assert capacities([4, 1, 64, 16], 2) == {1: 0, 4: 1, 16: 2, 64: 3}
    assert capacities([8, 4], 2) == {4: 2, 8: 3}
    with pytest.raises(ValueError, match="wanted one that makes 6"):
        exponents(6, (2,))
