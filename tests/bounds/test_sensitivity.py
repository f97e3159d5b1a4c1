"""What widths do to a bound, against networks that have them, and against all minimal cuts."""

from collections import Counter
from math import log

import numpy as np
import pytest
from bounds import drawn

import tnsim
from tnsim.bounds import min_cut, minimal_cuts, sensitivity, shared_upper


def test_changes_are_those_of_networks_with_these_widths():
    rng = np.random.default_rng(0)
    for number in range(24):
        arch = drawn.architecture(rng, largest=12)
        mask, shared = drawn.partition(rng, arch), number % 2
        bound = shared_upper if shared else (lambda arch, mask: min_cut(arch, mask).value)
        found = sensitivity(arch, mask, "upper" if shared else "min-cut")
        dims = [arch.features, *arch.channels]
        assert found.value == bound(arch, mask)
        assert [effect.level for effect in found.widths] == list(range(-1, arch.depth))
        for place, effect in enumerate(found.widths):
            for change, width in [(effect.raised, dims[place] + 1), (effect.doubled, 2 * dims[place])]:
                other = drawn.with_dims(arch, [*dims[:place], width, *dims[place + 1 :]])
                assert change.value == bound(other, mask)
                assert change.log == pytest.approx(log(change.value) - log(found.value))


def test_counts_are_those_of_all_minimal_cuts():
    rng, ties = np.random.default_rng(1), 0
    for _ in range(60):
        shape = drawn.architecture(rng, largest=9)
        arch = drawn.with_dims(shape, rng.choice([2, 3, 4, 8], shape.depth + 1))
        mask = drawn.partition(rng, arch)
        runs = [run.name for run in arch.network.indices]
        cuts = [
            Counter(index.name.partition("[")[0].removesuffix(index.name[4:] if "site" in index.name else "")
                    for index in cut.indices)
            for cut in minimal_cuts(arch.network, mask)
        ]  # fmt: skip
        found = sensitivity(arch, mask)
        for effect, run in zip(found.widths, runs, strict=False):
            counts = [cut[run] for cut in cuts]
            assert (effect.fewest, effect.most) == (min(counts), max(counts))
        assert found.bottlenecks == tuple(effect.level for effect in found.widths if effect.fewest)
        ties += bool(found.tied)
    assert ties > 5


def test_what_it_says():
    arch = tnsim.ConvAC(8, 3, (4, 4, 5), (2, 2, 2), 1)
    assert sensitivity(arch, [0, 2, 4, 6]).bottlenecks == (-1,)
    found = sensitivity(arch, range(4))
    assert (found.bottlenecks, found.tied) == ((1,), ())
    assert found.widths[2].raised == (5, pytest.approx(log(5 / 4)))
    assert repr(found) == "Sensitivity(ln 1.38629, bottlenecks (1,), tied ())"
    tied = sensitivity(tnsim.ConvAC(8, 3, (4, 4, 4), (2, 2, 2), 1), range(4))
    assert (tied.bottlenecks, tied.tied) == ((), (1, 2))
    with pytest.raises(ValueError, match="bound: wanted one of"):
        sensitivity(arch, range(4), "lower")
