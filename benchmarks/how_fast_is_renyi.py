"""How fast are Renyi entropies of any partition, at any size?

The answer is fast enough if, on two cores, float64, in this very run: 1000 random partitions of 64 unshared sites
(r = 8, M = 3, windows of 2) take at most a quarter of the plain masked fold (einsums leg by leg, below); Renyi-2 of
2^20 shared sites (r = 16) takes at most 5 s and 2 GB on every named partition, wiring and all; Renyi-2 of a random
partition of 2^20 unshared sites (r = 4, M = 2) at most 60 s and 6 GB; Renyi-3 of 64 sites (r = 8), interleaved, at
most 2 s.

Every row is a process of its own, so that its peak memory is its own. first: the first call, compiling included.
"""

import json
import resource
import subprocess
import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from measuring import report

import tnsim
from tnsim import partitions
from tnsim.contract.fold import Scaled, fold, stacked
from tnsim.contract.schedule import whole
from tnsim.entanglement import renyi

SITES = tnsim.ConvAC(64, 3, (8,) * 6, (2,) * 6, 1)


def _leg_by_leg(rows, value):
    """The plain form: a matrix on each of the four legs by one einsum each."""
    for leg in range(4):
        value = jnp.einsum("pgc,pcxyz->pxyzg", rows if leg < 2 else jnp.conj(rows), value)
    return value


PLAIN = stacked(_leg_by_leg, axes=(-4, -3, -2, -1))


@partial(jax.jit, static_argnames=("network", "chunk"))
def plain_traces(network, chunk, banks, vector, grams, masks):
    """ln Tr rho_A^2, one mask after the other in chunks: no tables, no symmetries, no Grams."""

    def one(mask):
        joined, turned = (jnp.einsum(legs, grams, grams) for legs in ("nac,nbd->nabcd", "nad,nbc->nabcd"))
        leaves = jnp.where(mask[:, None, None, None, None], turned, joined)
        root = fold(PLAIN, whole(network), banks, Scaled(leaves, jnp.zeros(len(leaves), leaves.dtype)))
        return jnp.log(jnp.einsum("abcd,a,b,c,d->", root.value[0], *(vector,) * 4)) + root.log_scale[0]

    return lax.map(one, masks, batch_size=chunk)


def drawn(arch):
    rng = np.random.default_rng(0)
    banks = {name: rng.normal(size=shape) / shape[-1] ** 0.5 for name, shape in arch.network.bank_shapes.items()}
    return arch.state(banks, 0), rng


def entropy(arch, state, masks, order=2):
    return renyi.renyi(arch.network, state.banks, state.vector[None], state.measure, masks, order).value


def many_plain():
    state, rng = drawn(SITES)
    masks, grams = rng.random((1000, 64)) < 0.5, state.measure.grams[state.measure.kind]

    def call():
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            return np.asarray(plain_traces(SITES.network, 100, state.banks, state.vector, grams, masks))

    return call


def many_tables():
    state, rng = drawn(SITES)
    masks = rng.random((1000, 64)) < 0.5
    return lambda: entropy(SITES, state, masks)


def shared(sites, depth, name):
    """Wiring, partition and measurement: everything counts."""

    def call():
        tnsim.contract.schedule.whole.cache_clear()
        arch = tnsim.ConvAC(sites, 2, (16,) * depth, (2,) * depth, 1, sharing="full")
        state, _ = drawn(arch)
        return entropy(arch, state, partitions.mask(arch, name)[None])

    return call


def unshared():
    arch = tnsim.ConvAC(2**20, 2, (4,) * 20, (2,) * 20, 1)
    state, rng = drawn(arch)
    mask = rng.random((1, 2**20)) < 0.5
    return lambda: entropy(arch, state, mask)


def order_three(name):
    state, _ = drawn(SITES)
    return lambda: entropy(SITES, state, partitions.mask(SITES, name)[None], 3)


LINE, PLANE = (2**20, 20), ((1024, 1024), 10)
ROWS = {
    "1000 partitions of 64 sites, plain fold": many_plain,
    "1000 partitions of 64 sites, tables": many_tables,
    "2^20 shared sites, r=16, left-right": partial(shared, *LINE, "left-right"),
    "2^20 shared sites, r=16, interleaved": partial(shared, *LINE, "interleaved"),
    "1024 x 1024 shared, r=16, left-right": partial(shared, *PLANE, "left-right"),
    "1024 x 1024 shared, r=16, interleaved": partial(shared, *PLANE, "interleaved"),
    "1024 x 1024 shared, r=16, checkerboard": partial(shared, *PLANE, "checkerboard"),
    "2^20 unshared sites, r=4, random": unshared,
    "Renyi-3, 64 sites, r=8, interleaved": partial(order_three, "interleaved"),
}
LIMITS = {"2^20 un": (60, 6), "2^20 sh": (5, 2), "1024 x ": (5, 2), "Renyi-3": (2, 6)}


def measured(name):
    """One row, in this process."""
    call = ROWS[name]()
    times = []
    while len(times) < 2 or (len(times) < 5 and sum(times) < 20):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"what": name, "first s": times[0], "best s": min(times[1:]), "peak GB": peak}


def row(name, plain):
    """One row, in a process of its own, and whether it is the answer."""
    out = subprocess.run([sys.executable, __file__, "--row", name], check=True, capture_output=True, text=True)
    found = json.loads(out.stdout.splitlines()[-1])
    seconds, memory = LIMITS.get(name[:7], (plain / 4 if plain else np.inf, 6))
    return found | {"wanted s": float(seconds), "ok": found["best s"] <= seconds and found["peak GB"] <= memory}


def rows():
    found = []
    for name in ROWS:
        found.append(row(name, found[0]["best s"] if found else None))
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--row"]:
        print(json.dumps(measured(sys.argv[2])))
    else:
        report(__doc__.splitlines()[0], rows())
