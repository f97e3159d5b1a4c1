"""Overlapping ConvACs: the network against the recursion, bounds against exact ranks, graph states against GF(2)."""

from itertools import combinations, product
from math import log, prod

import jax
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tnsim
from tnsim.architectures.convac import ConvACArchitecture
from tnsim.architectures.overlapping import DilatedConvAC, OverlappingConvAC
from tnsim.bounds.flow import network_min_cut
from tnsim.bounds.relatives import overlapping
from tnsim.interop.einsum import to_einsum

POOL = (
    OverlappingConvAC(4, 2, (2,), (2,)), OverlappingConvAC(5, 2, (2, 3), (2, 2), 2),
    OverlappingConvAC(4, 3, (2, 2), (3, 2), boundary="periodic"),
    OverlappingConvAC(4, 2, (3, 2), (2, 2), 2, sharing="none"),
    OverlappingConvAC(6, 2, (2, 2), (3, 2), strides=(1, 2), boundary="periodic"),
    OverlappingConvAC(7, 2, (2, 2), (3, 2), strides=(2, 1), sharing="none"),
    OverlappingConvAC((2, 3), 2, (2, 2), (2, (1, 2))), OverlappingConvAC((3, 3), 2, (2,), (2,), boundary="periodic"),
    OverlappingConvAC((2, 4), 2, (3,), ((2, 2),), strides=((1, 2),), boundary="periodic", sharing="none"),
    OverlappingConvAC(4, 2, (2, 2, 2), (2, 2, 2)),
)  # fmt: skip


def banks_of(arch, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in arch.bank_shapes.items()}


def by_definition(arch, banks, label):
    """psi from the definition, one configuration at a time, windows found coordinate by coordinate."""
    dense = np.empty((arch.features,) * arch.size)
    for d in product(range(arch.features), repeat=arch.size):
        at = {place: np.eye(arch.features)[d[i]] for i, place in enumerate(np.ndindex(arch.grid))}
        grid = arch.grid
        for level, width in enumerate(arch.channels):
            window, stride, bank = arch.windows[level], arch.strides[level], banks[f"conv_{level}"]
            periodic = arch.boundary == "periodic"
            after = tuple(
                n // s if periodic else (n - w) // s + 1 for n, w, s in zip(grid, window, stride, strict=True)
            )
            above = {}
            for number, u in enumerate(np.ndindex(after)):
                value = np.ones(width)
                for place, j in enumerate(np.ndindex(window)):
                    where = tuple((a * s + b) % n for a, s, b, n in zip(u, stride, j, grid, strict=True))
                    row = place if arch.sharing == "window" else number * prod(window) + place
                    value = value * (bank[row] @ at[where])
                above[u] = value
            at, grid = above, after
        dense[d] = banks["output"][label] @ np.prod(list(at.values()), axis=0)
    return dense


def same_state(one, other):
    """Whether two tensors differ by a positive factor alone."""
    return np.allclose(one / np.linalg.norm(one), other / np.linalg.norm(other), atol=1e-9)


@pytest.mark.parametrize("arch", POOL, ids=range(len(POOL)))
def test_the_network_and_the_recursion_have_the_state_of_the_definition(arch):
    banks, label = banks_of(arch, 1), arch.classes - 1
    wanted = by_definition(arch, banks, label)
    assert same_state(overlapping.amplitudes(arch, banks, label), wanted)
    np.testing.assert_allclose(
        to_einsum(arch.network, banks).contract()[..., label], wanted, atol=1e-9 * abs(wanted).max()
    )
    assert arch.network.bank_shapes == arch.bank_shapes


def test_initial_banks_have_the_shapes_and_the_variance():
    arch = OverlappingConvAC(5, 40, (50, 30), (2, 2), 20)
    banks = arch.init(jax.random.key(0))
    assert {name: bank.shape for name, bank in banks.items()} == arch.bank_shapes
    for bank in banks.values():
        assert float(np.var(bank)) * bank.shape[-1] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("sharing", ["window", "none"])
def test_an_identity_start_keeps_scores_of_order_one(sharing):
    """Of 900 products over 225 sites, at feature vectors that begin with 1; from normal weights e^-100 or so."""
    arch = tnsim.OverlappingConvAC((15, 15), 2, (6, 5), (2, 3), 3, sharing=sharing)
    features = np.random.default_rng(0).normal(size=(4, arch.size, 2)).astype(np.float32)
    features[..., 0] = 1
    sizes = {}
    for start in ("identity", "random"):
        scores = arch.apply(arch.init(jax.random.key(0), start=start), features)
        sizes[start] = np.log(np.abs(scores.value).max(1)) + scores.log_scale
    assert np.abs(sizes["identity"]).max() < 4
    assert np.abs(sizes["random"]).min() > 20


@pytest.mark.parametrize("sharing", ["window", "none"])
def test_windows_side_by_side_are_a_convac(sharing):
    arch = OverlappingConvAC(8, 2, (3, 2, 2), (2, 2, 2), 2, strides=(2, 2, 2), sharing=sharing)
    plain = ConvACArchitecture(8, 2, (3, 2, 2), (2, 2, 2), 2, sharing)
    assert arch.network is plain.network


@settings(max_examples=40)
@given(st.sampled_from(POOL), st.integers(1, 2**16), st.integers(0, 1000))
def test_ranks_stay_below_the_cut(arch, number, seed):
    mask = np.array([(number % (2**arch.size - 2) + 1) >> i & 1 for i in range(arch.size)], dtype=bool)
    cut, rank = overlapping.upper_bound(arch, mask), overlapping.generic_rank(arch, mask, seed)
    assert rank <= cut <= arch.features ** min(mask.sum(), (~mask).sum())
    assert overlapping.upper_bound(arch, ~mask) == cut
    assert overlapping.entropy(arch, banks_of(arch, seed), mask) <= log(rank) + 1e-9


@pytest.mark.parametrize("arch", POOL[:2], ids=range(2))
def test_the_cut_is_the_least_of_all(arch):
    """Against every set of indices whose removal leaves no path from A to B."""
    network = arch.network
    count = len(network.dims)
    for A in ([0], [0, 1], [0, 2]):
        mask = np.isin(np.arange(arch.size), A)
        found = min(
            (prod(int(network.dims[i]) for i in gone) for size in range(5) for gone in combinations(range(count), size)
             if separated(network, mask, gone)), default=None,
        )  # fmt: skip
        assert network_min_cut(network, mask).value == found


def separated(network, mask, gone):
    sites = network.sites.array.tolist()
    reached = {i for i, a in zip(sites, mask, strict=True) if a and i not in gone}
    while True:
        more = {i for t in network.tensors() if reached & set(t.legs) for i in t.legs if i not in gone} - reached
        if not more:
            return not reached & {i for i, a in zip(sites, mask, strict=True) if not a}
        reached |= more


RINGS = [(6, 2), (9, 2), (8, 3), (10, 3), (12, 4)]


@pytest.mark.parametrize(("n", "window"), RINGS)
def test_a_block_of_a_ring_attains_the_volume_law_and_the_cut(n, window):
    """ln 2 min(alpha, 2 (K - 1)): volume, then surface; the weights are shared and the min-cut is reached."""
    arch = OverlappingConvAC(n, 2, (2, 1), (window, 1), boundary="periodic")
    for alpha in range(1, n // 2 + 1):
        A = overlapping.block(arch, alpha)
        units = min(alpha, 2 * (window - 1))
        assert overlapping.entropy(arch, overlapping.pair_phases(arch), A) == pytest.approx(units * log(2))
        assert overlapping.upper_bound(arch, A) == overlapping.generic_rank(arch, A) == 2**units
        assert units <= overlapping.volume_law(alpha, 1, 2, window)


GAPS = [(8, 2, 2), (9, 2, 2), (12, 2, 3)]  # sites, window, dilation


@pytest.mark.parametrize(("n", "window", "apart"), GAPS)
def test_a_block_of_a_dilated_ring_attains_the_volume_law_and_the_cut(n, window, apart):
    """As without gaps, of windows that reach apart (K - 1) sites: the surface law begins that much later."""
    arch = DilatedConvAC(n, 2, (2, 1), (window, 1), boundary="periodic", dilations=(apart, 1))
    near = OverlappingConvAC(n, 2, (2, 1), (window, 1), boundary="periodic")
    for alpha in (1, n // 3, n // 2):
        A = overlapping.block(arch, alpha)
        units = min(alpha, 2 * apart * (window - 1))
        assert overlapping.entropy(arch, overlapping.pair_phases(arch), A) == pytest.approx(units * log(2))
        assert overlapping.upper_bound(arch, A) == overlapping.generic_rank(arch, A) == 2**units
    assert overlapping.generic_rank(near, A) < 2**units


def test_a_default_stack_of_dilations_has_the_volume_law():
    """Windows of 2 with gaps of 1 and 2, weights shared; of half the ring its symmetry takes some."""
    arch = DilatedConvAC(8, 2, (4, 2), (2, 2), boundary="periodic")
    assert arch.dilations == ((1,), (2,))
    for alpha in range(1, 4):
        A = overlapping.block(arch, alpha)
        assert overlapping.upper_bound(arch, A) == overlapping.generic_rank(arch, A) == 2**alpha


def cut_rank(arch, A):
    """Rank over GF(2) of the edges between A and the rest, from the coordinates."""
    edges = np.zeros((arch.size, arch.size), dtype=np.int64)
    number = {place: i for i, place in enumerate(np.ndindex(arch.grid))}
    for place, i in number.items():
        for axis, window in enumerate(arch.windows[0]):
            far = list(place)
            far[axis] = (far[axis] + window - 1) % arch.grid[axis]
            if tuple(far) != place:
                j = number[tuple(far)]
                edges[i, j] = edges[j, i] = edges[i, j] ^ 1
    return oracle.rank_mod(edges[np.ix_(A, ~A)], 2)


@pytest.mark.parametrize("grid", [(8,), (3, 3), (3, 4)])
@pytest.mark.parametrize("window", [2, 3])
def test_graph_states_have_the_entropy_of_their_edges(grid, window):
    arch = OverlappingConvAC(grid if len(grid) == 2 else grid[0], 2, (3, 2), (window, 1), boundary="periodic")
    rng, banks = np.random.default_rng(0), overlapping.pair_phases(arch)
    assert set(np.abs(overlapping.amplitudes(arch, banks)).ravel()) == {1.0}
    for _ in range(4):
        A = rng.permutation(arch.size) < rng.integers(1, arch.size)
        assert overlapping.entropy(arch, banks, A) == pytest.approx(cut_rank(arch, A) * log(2), abs=1e-9)


def test_the_law_turns_from_volume_to_surface():
    assert [overlapping.volume_law(alpha, 1, 2, 3) for alpha in (1, 6, 7)] == [1, 6, 6]
    assert [overlapping.volume_law(alpha, 2, 2, 2) for alpha in (1, 4, 5)] == [1, 16, 20]


def test_drawn_entropies_and_the_curve_agree():
    arch = OverlappingConvAC(8, 2, (2, 1), (3, 1), boundary="periodic")
    rows = overlapping.entropy_growth(arch, (1, 3), seeds=3)
    for row in rows:
        A = overlapping.block(arch, row.alpha)
        drawn = [overlapping.entropy(arch, banks_of(arch, seed), A) for seed in range(3)]
        assert row.drawn == pytest.approx((np.mean(drawn), min(drawn), max(drawn)))
        assert row.drawn.most <= row.log_rank <= row.log_cut + 1e-12
        assert row.attained <= row.log_cut + 1e-9


@pytest.mark.parametrize(("changed", "words"), [
    ({"sites": 0}, "sites: wanted positive integers"), ({"windows": (5, 1)}, "windows: level 0: wanted at most"),
    ({"windows": (2,)}, "windows: wanted 1 positive"), ({"strides": (3, 1)}, "strides: level 0: wanted windows"),
    ({"boundary": "same"}, "boundary: wanted one of"), ({"sharing": "full"}, "sharing: wanted one of"),
    ({"strides": (1, 2)}, "strides: level 1: wanted windows"), ({"channels": ()}, "channels: wanted positive"),
])  # fmt: skip
def test_shapes_that_do_not_fit(changed, words):
    shape = {"sites": 4, "features": 2, "channels": (2, 2), "windows": (2, 1)}
    with pytest.raises(ValueError, match=words):
        OverlappingConvAC(**{**shape, **changed})


def test_what_is_too_large_or_not_for_graph_states_is_refused():
    arch = OverlappingConvAC(40, 2, (2, 1), (2, 1))
    with pytest.raises(MemoryError, match="the state of 40 sites needs about"):
        overlapping.generic_rank(arch, np.arange(40) < 20)
    with pytest.raises(MemoryError, match="a wiring of"):
        _ = OverlappingConvAC(200, 2, (2,) * 20, (4,) * 20).network
    with pytest.raises(ValueError, match="arch: wanted 2 features"):
        overlapping.pair_phases(POOL[0])
    with pytest.raises(ValueError, match="alpha: wanted a block inside of"):
        overlapping.block(arch, 40)
    with pytest.raises(ValueError, match="A: wanted a mask over 40 sites"):
        overlapping.upper_bound(arch, np.ones(40, bool))
    with pytest.raises(ValueError, match="alpha: wanted positive integers"):
        overlapping.volume_law(0, 1, 1, 1)
