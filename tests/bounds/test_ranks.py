"""Bounds on ranks against exact ranks of random weights: symmetric powers for any sharing, powers of one integer."""

from collections import Counter
from math import comb, log, prod

import jaxtyping
import numpy as np
import oracle
import pytest
import strategies
from bounds import drawn

import tnsim
from tnsim.bounds import min_cut, rank_bounds, rank_gap, shared_upper
from tnsim.bounds.kinds import kinds_of, root_weights
from tnsim.bounds.ranks import bases, has_equal_children, power_below
from tnsim.entanglement.exact_rank import exact_rank


@pytest.fixture(autouse=True)
def no_checks_of_types(monkeypatch):
    """Exact ranks are checked by tests of their own; here annotations would take four fifths of the time."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def rank(rng, arch, mask):
    """The exact rank of weights drawn from two million integers: that of almost all weights, nearly surely."""
    shapes = arch.network.bank_shapes.items()
    banks = {name: rng.integers(-(2**20), 2**20, shape).astype(np.float64) for name, shape in shapes}
    return exact_rank(arch.network, banks, banks["output"][0], mask).value


def shared_ranks(seed, count):
    """How often the bound was held, met, and below the min-cut."""
    rng, found = np.random.default_rng(seed), Counter()
    for _ in range(count):
        arch = drawn.architecture(rng, largest=16, widest=12)
        mask = drawn.partition(rng, arch)
        exact, upper, cut = rank(rng, arch, mask), shared_upper(arch, mask), min_cut(arch, mask).value
        assert exact <= upper <= cut, (arch, np.flatnonzero(mask))
        found += Counter(met=int(exact == upper), sharper=int(upper < cut))
    return found


def test_no_rank_of_shared_weights_exceeds_the_bound():
    found = shared_ranks(0, 100)
    assert found["met"] >= 97
    assert found["sharper"] >= 5


@pytest.mark.slow
def test_no_rank_of_shared_weights_exceeds_the_bound_in_a_thousand_cases():
    found = shared_ranks(1, 1000)
    assert found["met"] >= 980
    assert found["sharper"] >= 50


def test_generic_ranks_of_free_weights_lie_between():
    rng = np.random.default_rng(2)
    for _ in range(80):
        arch = drawn.architecture(rng, sharing="none", largest=12, widest=9)
        mask = drawn.partition(rng, arch)
        lower, upper, _ = rank_bounds(arch, mask)
        assert lower <= rank(rng, arch, mask) <= upper == min_cut(arch, mask).value == shared_upper(arch, mask)


def shared_by_definition(arch, mask, wiring):
    """The recursion node by node, as docs/bounds.md has it: (weight on A, weight on B, name of the subtree)."""
    M = arch.features
    below = [((1, M), "A") if in_a else ((M, 1), "B") for in_a in mask]
    for (groups, slots), r in zip(wiring, arch.channels, strict=True):
        positions = [(weights, (name, slot)) for (weights, name), slot in zip(below, slots, strict=True)]
        below = [pooled([positions[j] for j in group], r) for group in groups]
    return min(below[0][0])


def pooled(children, r):
    split, equal = r * prod(min(weights) for weights, _ in children), Counter(children)
    stay = [
        prod(oracle.symmetric(w[side], m) if w[1 - side] == 1 else w[side] ** m for (w, _), m in equal.items())
        for side in (0, 1)
    ]
    return tuple(min(weight, split) for weight in stay), tuple(sorted(repr(name) for _, name in children))


def test_the_recursion_by_definition():
    rng = np.random.default_rng(3)
    for _ in range(150):
        arch = drawn.architecture(rng)
        mask = drawn.partition(rng, arch)
        assert shared_upper(arch, mask) == shared_by_definition(arch, mask, strategies.wiring(arch))


@pytest.mark.parametrize(
    ("sharing", "equal"),
    [
        ("full", True), ("window", False), ("none", False), (("window", "full", "full"), True),
        (("full", "window", "window"), True), (("none", "full", "full"), False), (("full", "none", "full"), True),
        (("window", "none", "full"), False), (("window", "window", "full"), True), (("none", "none", "full"), False),
    ],
)  # fmt: skip
def test_where_equal_subtrees_meet(sharing, equal):
    for geometry in (None, "mirror"):
        arch = tnsim.ConvAC(8, 2, (3, 3, 3), (2, 2, 2), 1, sharing=sharing, geometry=geometry)
        assert has_equal_children(arch.network) == equal


def test_window_sharing_below_full_sharing_is_a_symmetric_power_of_windows():
    arch = tnsim.ConvAC(8, 2, (12, 12, 12), (2, 2, 2), 1, sharing=("window", "full", "full"))
    assert shared_upper(arch, range(4)) == comb(4 + 1, 2)  # two windows of M^2 = 4 dimensions, in one symmetric power
    assert min_cut(arch, range(4)).value == 12
    assert rank(np.random.default_rng(0), arch, np.arange(8) < 4) == 10


def test_the_gap():
    gap = rank_gap(tnsim.ConvAC(8, 3, (4, 4, 4), (2, 2, 2), 1), [0, 2, 4, 6])
    assert (gap.lower, gap.upper, gap.log, gap.closed) == (81, 81, 0.0, True)
    open_gap = rank_gap(tnsim.ConvAC(8, 3, (4, 4, 4), (2, 2, 2), 1), [0, 1, 2, 3])
    assert open_gap.log == pytest.approx(log(open_gap.upper) - log(open_gap.lower))
    shared = rank_gap(tnsim.ConvAC(8, 4, (2, 4, 4), (2, 2, 2), 1, sharing="full"), range(4))
    assert (shared.lower, shared.upper, shared.closed) == (1, 3, False)


def test_the_best_power_is_among_roots_of_dimensions():
    rng = np.random.default_rng(4)
    for _ in range(60):
        arch = drawn.architecture(rng, sharing="none", widest=40)
        dims, kinds = (arch.features, *arch.channels), kinds_of(arch.network, drawn.partition(rng, arch)[None])
        every = [root_weights(kinds, [power_below(c, p) for c in dims])[0] for p in range(2, max(*dims, 2) + 1)]
        some = [root_weights(kinds, [power_below(c, p) for c in dims])[0] for p in bases(dims)]
        assert max(every) == max(some)
    assert bases((1, 1)) == {2}
    assert bases((10**40, 1)) >= {10**40, 10**20, 2}
