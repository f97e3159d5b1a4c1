"""Costs are those of the networks, counted by hand; budgets below the smallest network are refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import POOL

import tnsim
from tnsim.design import KINDS, costs, drawn, scaled, standard

TREES = [arch for arch in POOL if arch.depth > 1]


def channels_of(arch, most=7):
    return st.tuples(*[st.integers(1, most)] * arch.depth)


@settings(max_examples=60)
@given(st.sampled_from(POOL), st.data())
def test_parameters_are_those_of_the_banks(arch, data):
    channels = data.draw(channels_of(arch))
    assert costs(arch).of(channels) == replace(arch, channels=channels).parameters


def test_multiply_adds_and_memory_are_counted_by_hand():
    arch = tnsim.ConvAC(sites=(4, 4), features=3, channels=(5, 2), windows=(2, 2), classes=7)
    at_sites, above = 16 * 3 * 5 + 4 * 3 * 5, 4 * 5 * 2 + 1 * 3 * 2
    assert costs(arch, "multiply-adds").of((5, 2)) == at_sites + above + 2 * 7
    weights = 16 * 3 * 5 + 4 * 5 * 2 + 2 * 7
    vectors = 16 * 3 + (16 + 4) * 5 + (4 + 1) * 2 + 7
    assert costs(arch, "memory").of((5, 2)) == 4 * (weights + vectors)


@settings(max_examples=40)
@given(st.sampled_from(POOL), st.sampled_from(KINDS), st.floats(1, 50), st.integers(0, 1000))
def test_profiles_use_their_budget_and_no_more(arch, kind, times, seed):
    price = costs(arch, kind)
    most = times * price.of((1,) * arch.depth)
    for channels in [*standard(price, most).values(), *drawn(price, most, 3, seed)]:
        assert price.of(channels) <= most
        for level in range(arch.depth):  # nothing more can be paid for
            assert price.of([*channels[:level], channels[level] + 1, *channels[level + 1 :]]) > most


def test_profiles_keep_their_shape():
    price = costs(tnsim.ConvAC(64, 2, (1,) * 6, (2,) * 6, 10, sharing="window"))
    profiles = standard(price, 20000)
    assert np.ptp(profiles["constant"]) <= 1
    assert list(profiles["doubling"]) == sorted(profiles["doubling"])
    assert profiles["wide base"][0] > 3 * profiles["wide base"][-1]
    assert profiles["wide tip"][-1] > 3 * profiles["wide tip"][0]


def test_what_costs_too_much_or_is_no_kind_is_said():
    arch = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=2)
    with pytest.raises(ValueError, match="kind: wanted one of parameters, multiply-adds, memory, found 'joules'"):
        costs(arch, "joules")
    with pytest.raises(ValueError, match="budget: wanted at least 12 parameters, the smallest network's, found 11"):
        scaled((1, 1), costs(arch), 11)
    with pytest.raises(ValueError, match="shape: wanted 2 positive numbers"):
        scaled((1, 0), costs(arch), 100)
