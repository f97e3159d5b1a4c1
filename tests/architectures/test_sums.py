"""A sum of trees is a tree of the summed widths: its scores, and its tensor, are the sum."""

from dataclasses import replace

import jax
import numpy as np
import oracle
import pytest
import strategies

import tnsim
from tnsim.architectures.sums import direct_sum

ARCH = tnsim.ConvAC((2, 4), 3, (2, 3, 2), ((1, 2), (2, 1), (1, 2)), 2)


def terms(arch, widths=((2, 3, 2), (4, 2, 3), (1, 1, 1))):
    rng = np.random.default_rng(4)
    archs = [replace(arch, channels=channels[: arch.depth]) for channels in widths]
    return [(one, {name: rng.normal(size=shape) for name, shape in one.network.bank_shapes.items()}) for one in archs]


@pytest.mark.parametrize("sharing", ["none", "window", "full"])
@pytest.mark.parametrize("arch", [ARCH, tnsim.ConvAC.shallow(6, 2, 3, 2)], ids=["deep", "shallow"])
def test_the_tensor_is_the_weighted_sum(arch, sharing):
    arch = replace(arch, sharing=(sharing,) * arch.depth)
    parts, weights = terms(arch), (0.5, -2.0, 3.0)
    with jax.enable_x64(True):
        whole, banks = direct_sum(parts, weights)
    dense = lambda arch, banks: oracle.joint(  # noqa: E731
        strategies.wiring(arch), [np.asarray(banks[f"conv_{level}"]) for level in range(arch.depth)],
        np.asarray(banks["output"]))  # fmt: skip
    wanted = sum(weight * dense(*part) for weight, part in zip(weights, parts, strict=True))
    np.testing.assert_allclose(dense(whole, banks), wanted, atol=1e-12 * np.abs(wanted).max())


def test_scores_add_up_to_the_mean():
    parts, features = terms(ARCH), np.random.default_rng(0).normal(size=(5, 8, 3))
    with jax.enable_x64(True):
        number = lambda arch, banks: (s := arch.apply(banks, features)).value * np.exp(s.log_scale)[:, None]  # noqa: E731
        np.testing.assert_allclose(number(*direct_sum(parts)), np.mean([number(*part) for part in parts], 0), rtol=1e-9)


def test_what_does_not_fit_is_refused():
    parts = terms(ARCH)
    with pytest.raises(ValueError, match="terms: wanted at least one"):
        direct_sum([])
    with pytest.raises(ValueError, match="weights: wanted one for each of the 3 terms, found 1"):
        direct_sum(parts, [1.0])
    other = replace(ARCH, classes=3)
    with pytest.raises(ValueError, match="terms: wanted equal classes"):
        direct_sum([parts[0], (other, parts[0][1])])
