"""A tiny model to explore, whose tensor can be written down, and what the oracle says of it."""

import functools

import jax
import numpy as np
import oracle
import strategies

import tnsim
from tnsim.explore.examples import Examples
from tnsim.explore.explored import Explored

ARCH = tnsim.ConvAC((2, 4), 3, (4, 5), ((2, 2), (1, 2)), 3)
PARAMS = ARCH.init(jax.random.key(5))


def _grams():
    rng = np.random.default_rng(7)
    roots = rng.normal(size=(ARCH.size, ARCH.features, ARCH.features))
    return {"function": roots @ roots.swapaxes(-1, -2), "uniform": tnsim.nn.Fourier().gram(), "coefficient": None}


GRAMS = _grams()
IMAGES = tuple(np.random.default_rng(k).integers(0, 256, (2, 2, 4), np.uint8) for k in range(3))


def explored():
    """A new one: its states are made anew."""
    return Explored("tiny.safetensors", ARCH, PARAMS, GRAMS, ("a", "b", "c"), Examples(IMAGES))


@functools.cache
def dense(label, measure):
    """The state of a class, one axis a site."""
    *banks, output = (np.asarray(bank, np.float64) for bank in PARAMS.values())
    gram = GRAMS[measure]
    roots = None if gram is None else [oracle.hermitian_root(one) for one in np.broadcast_to(gram, (ARCH.size, 3, 3))]
    return oracle.tensor(strategies.wiring(ARCH), banks, output, label, roots)


def entropy(mask, label, measure, order=1):
    """Renyi entropy of any order in nats, from the spectrum of the written tensor."""
    p = oracle.spectrum(dense(label, measure), mask)[0] ** 2
    return oracle.renyi(p[p > 1e-300], order)
