"""Pareto fronts against every design of the grid."""

from itertools import product
from math import log, prod

import numpy as np
import pytest
from bounds import drawn

import tnsim
from tnsim.bounds import min_cut, pareto_front, shared_upper
from tnsim.memory import MemoryLimitError


def by_brute_force(arch, masks, grid, combine, bound):
    """{(parameters, bound)} that no other design has better."""
    points = set()
    for channels in product(*grid):
        made = drawn.with_dims(arch, (arch.features, *channels))
        bounds = [shared_upper(made, m) if bound == "upper" else min_cut(made, m).value for m in masks]
        points.add((made.parameters, min(bounds) if combine == "min" else prod(bounds)))
    return {(n, v) for n, v in points if not any(a <= n and b >= v and (a, b) != (n, v) for a, b in points)}


def test_fronts_are_those_of_all_designs():
    rng = np.random.default_rng(0)
    for number in range(16):
        arch = drawn.architecture(rng, largest=12)
        masks = [drawn.partition(rng, arch) for _ in range(int(rng.integers(1, 4)))]
        grid = [sorted(set(rng.integers(1, 9, 3).tolist())) for _ in range(arch.depth)]
        combine, bound = ("min", "sum")[number % 2], ("upper", "min-cut")[number // 2 % 2]
        front = pareto_front(arch, masks, grid, combine, bound)
        found = [(design.parameters, design.value) for design in front]
        assert found == sorted(by_brute_force(arch, masks, grid, combine, bound))
        for design in front:
            made = drawn.with_dims(arch, (arch.features, *design.channels))
            assert made.parameters == design.parameters
            assert design.log == pytest.approx(log(design.value))


def test_one_list_serves_all_levels():
    arch = tnsim.ConvAC(8, 3, (1, 1, 1), (2, 2, 2), 2)
    one, each = (pareto_front(arch, ["left-right", [0, 2, 4]], widths) for widths in ([4, 2, 3], [[2, 3, 4]] * 3))
    assert one == each
    assert one[0].channels == (2, 2, 2)
    assert one[-1].value == 4


@pytest.mark.parametrize(
    ("A", "widths", "more", "words"),
    [
        ([], [2], {}, "A: wanted a list of partitions"), ("left-right", [2], {}, "A: wanted a list of partitions"),
        ([[0]], [], {}, "widths: wanted one list"), ([[0]], [[2], [3]], {}, "one for each of 3"),
        ([[0]], [2, 0], {}, "widths: level 0: wanted positive"), ([[0]], [[2], [], [2]], {}, "widths: level 1: wanted"),
        ([[0]], [2], {"combine": "max"}, "combine: wanted"), ([[0]], [2], {"bound": "low"}, "bound: wanted one of"),
    ],
)  # fmt: skip
def test_what_is_refused(A, widths, more, words):
    with pytest.raises(ValueError, match=words):
        pareto_front(tnsim.ConvAC(8, 3, (1, 1, 1), (2, 2, 2), 2), A, widths, **more)


def test_too_many_choices_are_refused():
    arch = tnsim.ConvAC(8, 3, (1, 1, 1), (2, 2, 2), 2)
    with pytest.raises(MemoryLimitError, match="level 0: 1 choices below, times 3 widths"):
        pareto_front(arch, ["left-right"], [1, 2, 3], memory=100)
