"""Do the sampled intervals of black boxes cover the exact entropy as often as they say?

200 ConvACs of 8 sites (windows of 2, M = 2..4, width 4..8, all sharings, Gaussian weights and near-product ones;
cosines and sines of [0, 1], polynomials, one-hot levels), each asked as a black box through `apply`; the truth is the
exact spectrum in the measure "function" with the closed Gram. Von Neumann entropy and Renyi-2 at n = 128, 256, 512.

The answer is yes if the intervals stated at 95 % cover at least 93 % of the 200 at every n and order.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from measuring import report

import tnsim
from tnsim.entanglement.sampled import Sampling, sampled_entropy
from tnsim.entanglement.spectrum import Spectrum
from tnsim.nn.representation import CosSin, OneHot, Polynomial

CASES, SITES = 200, 8
KINDS = [
    (m, r, s) for m, r, s in zip((2, 2, 3, 3, 4, 4), (4, 8, 5, 8, 4, 8), ("none", "full", "window") * 2, strict=True)
]
ARCHS = [tnsim.ConvAC(SITES, m, (r,) * 3, (2,) * 3, 1, s) for m, r, s in KINDS]
PARTS = (np.arange(SITES) < 4, np.arange(SITES) % 2 == 0, np.arange(SITES) < 2)


def boxes():
    """For every architecture and representation one compiled function of (params, inputs)."""
    found = []
    for arch in ARCHS:
        for representation in (CosSin(arch.features - 1), OneHot(arch.features), Polynomial(arch.features - 1)):
            apply = jax.jit(lambda params, x, a=arch, f=representation: a.apply(params, f(x)))
            found.append((arch, representation, apply))
    return found


def weights(rng, arch):
    """Gaussian, or near a product: the first channel 1 and the rest small."""
    shapes = {name: bank.shape for name, bank in arch.init(jax.random.key(0)).items()}
    params = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    if rng.random() < 0.5:
        small = np.float32(rng.uniform(0.1, 0.6))
        params = {name: bank * small for name, bank in params.items()}
        for bank in params.values():
            bank[..., 0, 0] += 1
    return params


class Case(NamedTuple):
    """A black box with the exact spectrum of its function."""

    g: Callable
    mask: np.ndarray
    exact: Spectrum


def case(seed: int, known: list) -> Case:
    rng = np.random.default_rng(seed)
    arch, representation, apply = known[seed % len(known)]
    params, mask = weights(rng, arch), PARTS[rng.integers(len(PARTS))]

    def g(x):
        scores = apply(params, x)
        return scores.value[:, 0], scores.log_scale

    return Case(g, mask, arch.state(params, 0, "function", representation.gram()).schmidt(mask))


def uniform(rng, count):
    """Inputs, every site uniform on [0, 1]."""
    return rng.random((count, SITES)).astype(np.float32)


def row(n: int, order: float, cases: list[Case]) -> dict[str, object]:
    """Coverage and width over all cases."""
    found = [
        sampled_entropy(one.g, one.mask, uniform, order=order, sampling=Sampling(n=n, seed=seed))
        for seed, one in enumerate(cases)
    ]
    value, lower, upper, spent = np.array([(one.value, one.lower, one.upper, one.seconds) for one in found]).T
    truth = np.array([one.exact.renyi(order) for one in cases])
    covered, middle, large = (lower <= truth) & (truth <= upper), (truth > 0.05) & (truth <= 2), truth > 2
    return {
        "n": n,
        "order": order,
        "evaluations": n * n,
        "cases": CASES,
        "covered": float(covered.mean()),
        "of 0.05..2 nats": int(middle.sum()),
        "covered there": float(covered[middle].mean()),
        "above 2": f"{int(covered[large].sum())} of {int(large.sum())}",
        "truth below": float((truth < lower).mean()),
        "half-width there": float(np.median((upper - lower)[middle])) / 2,
        "rms error there": float(np.sqrt(((value - truth)[middle] ** 2).mean())),
        "s a case": float(np.median(spent)),
    }


if __name__ == "__main__":
    known = boxes()
    asked = [case(seed, known) for seed in range(CASES)]
    report(__doc__.splitlines()[0], [row(n, order, asked) for n in (128, 256, 512) for order in (1, 2)])
