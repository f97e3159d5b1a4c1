"""The widths of least loss are those of brute force over all widths."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL

from tnsim.design import KINDS, costs, least_loss
from tnsim.design.widths import grid_of, width_front

SMALL = [arch for arch in POOL if arch.depth <= 3]


def made_up(seed, depth, ranks):
    """What levels lose: falling to nothing, ties included."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 4, size=(depth, ranks + 1)).astype(float)
    return steps[:, ::-1].cumsum(axis=1)[:, ::-1] - steps[:, -1:]


@settings(max_examples=60)
@given(st.sampled_from(SMALL), st.sampled_from(KINDS), st.integers(0, 10**6), st.floats(1, 12))
def test_no_widths_lose_less(arch, kind, seed, times):
    lost, price = made_up(seed, arch.depth, 6), costs(arch, kind)
    most = times * price.of((1,) * arch.depth)
    every = [
        (price.of(channels), sum(row[width] for row, width in zip(lost, channels, strict=True)))
        for channels in product(range(1, 7), repeat=arch.depth)
    ]
    allowed = [(cost, loss) for cost, loss in every if cost <= most]
    best = min(loss for _, loss in allowed)
    found = least_loss(lost, price, most)
    assert found.loss == best
    assert found.cost == price.of(found.channels) == min(cost for cost, loss in allowed if loss == best)
    front = width_front(lost, price, most)
    wanted = {(cost, loss) for cost, loss in allowed if not any(
        c <= cost and less <= loss and (c, less) != (cost, loss) for c, less in allowed)}
    assert [(one.cost, one.loss) for one in front] == sorted(wanted)
    for one in front:
        assert price.of(one.channels) == one.cost
        assert sum(row[width] for row, width in zip(lost, one.channels, strict=True)) == one.loss


def test_wide_grids_are_every_width_first_and_reach_the_last():
    grid = grid_of(513)
    assert grid[:48].tolist() == list(range(1, 49))
    assert (np.diff(grid) <= np.maximum(grid[:-1] / 16, 1)).all()
    assert 480 <= grid[-1] <= 512


def test_a_budget_below_the_smallest_network_is_refused():
    arch = SMALL[0]
    least = costs(arch).of((1,) * arch.depth)
    with pytest.raises(ValueError, match=f"budget: wanted at least {least} parameters"):
        least_loss(made_up(0, arch.depth, 4), costs(arch), least - 1)
    assert least_loss(made_up(0, arch.depth, 4), costs(arch), least).channels == (1,) * arch.depth
