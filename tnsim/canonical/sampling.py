"""Exact, independent samples of a Born machine |psi(x)|^2, from the centre outwards. Uses orthogonal, arithmetic.

    chain   v[n, a]       what has been drawn so far, as a vector on the bond:   p(d) = |v A_d|^2
    tree    rho[n, a, b]  the same as a density matrix on the bond into a branch; the branch, once drawn, is a vector

All beyond an orthogonality centre is an isometry, so that what has not been drawn yet drops out. Given sites are
projected first, and the rest is again a state. Source: Ferris and Vidal, PRB 85, 165146 (2012); Han et al., PRX 8,
031012 (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Num

from tnsim.canonical.arithmetic import projected
from tnsim.canonical.orthogonal import orthogonalised
from tnsim.canonical.state import TreeState, chain_cores, concrete
from tnsim.canonical.wiring import Wiring

CHUNK = 2**23  # numbers formed at once in a tree


def sample(
    state: TreeState, key: Array, n: int, given: Mapping[int, int] | None = None
) -> Int[np.ndarray, "n sites"]:  # fmt: skip
    """n configurations drawn with p(x) = |psi(x)|^2 / |psi|^2, or, given values of some sites, with p(x | given).

    key: of jax.random; one key gives the same samples again. Raises ValueError for n < 1, unknown sites and values, and
    where the state (or what is left of it, given those values) is zero.
    """
    if n < 1:
        raise ValueError(f"n: wanted at least 1, found {n}")
    known = dict(given or {})
    rest = projected(concrete(state, "sample"), known)
    root = 0 if state.wiring.is_chain else state.centre or 0
    try:
        rest = orthogonalised(rest, root)
    except ValueError as zero:
        raise ValueError(f"given: these values have probability 0 together: {known}" if known else str(zero)) from zero
    rest = rest.with_cores(rest.cores, root)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        uniform = jax.random.uniform(key, (state.sites, n), jnp.float64)
        found = _of_chain(rest, uniform) if state.wiring.is_chain else _of_tree(rest, root, uniform)
        drawn = np.asarray(found).astype(np.int64)
    drawn[:, list(known)] = list(known.values())
    return drawn


def _of_chain(state: TreeState, uniform):
    """All cores filled up with zeros to one shape: one compilation, whatever the bonds."""
    cores = chain_cores(state)
    chi, d = max((1, *state.bond_dims)), max(state.dims)
    padded = np.zeros((len(cores), chi, d, chi), dtype=cores[0].dtype)
    for place, core in zip(padded, cores, strict=True):
        place[: core.shape[0], : core.shape[1], : core.shape[2]] = core
    return _drawn_along(jnp.asarray(padded), uniform).T


@jax.jit
def _drawn_along(cores: Num[Array, "sites chi d chi"], uniform: Float[Array, "sites n"]) -> Int[Array, "sites n"]:
    def draw(v, x):
        core, u = x
        w = jnp.tensordot(v, core, axes=(1, 0))
        picked = _picked(jnp.square(jnp.abs(w)).sum(-1), u)
        v = jnp.take_along_axis(w, picked[:, None, None], axis=1)[:, 0]
        return v / jnp.linalg.norm(v, axis=1, keepdims=True), picked

    start = jnp.zeros((uniform.shape[1], cores.shape[1]), cores.dtype).at[:, 0].set(1)
    return lax.scan(draw, start, (cores, uniform))[1]


def _picked(p: Float[Array, "n d"], u: Float[Array, "n"]) -> Int[Array, "n"]:
    """A value of each row by its probabilities (not normalised); none of those that have zero."""
    total = jnp.cumsum(p, axis=1)
    return (total <= (u * total[:, -1])[:, None]).sum(1)


def _of_tree(state: TreeState, root: int, uniform):
    """Some samples at a time, filled up to one number, so that all compile once."""
    n, largest = uniform.shape[1], max(core.size for core in state.cores)
    widest = max(state.bond_dims, default=1)
    rows = min(n, max(1, CHUNK // (largest * widest)))
    filled = jnp.pad(uniform, [(0, 0), (0, -n % rows)])
    cores = tuple(jnp.asarray(core) for core in state.cores)
    parts = [_drawn_outwards(state.wiring, root, cores, filled[:, at : at + rows]) for at in range(0, n, rows)]
    return np.concatenate([np.asarray(part) for part in parts])[:n]


@partial(jax.jit, static_argnames=("wiring", "root"))
def _drawn_outwards(wiring: Wiring, root: int, cores, uniform: Float[Array, "sites n"]) -> Int[Array, "n sites"]:
    picks: dict[int, Array] = {}

    def visit(core: int, came: int | None, rho: Num[Array, "n a a"]) -> Num[Array, "n a"]:
        """Draws the sites of a branch, rho on its bond; what was drawn, as a vector on it."""
        legs, shape = wiring.legs[core], cores[core].shape
        up = [] if came is None else [legs.index(came)]
        ahead = [axis for axis in range(len(legs)) if axis not in up]
        ket = jnp.transpose(cores[core], up + ahead).reshape(1, rho.shape[1], -1)
        for axis in ahead:
            mixed = jnp.swapaxes(rho, 1, 2) @ ket
            mixed, ket = (x.reshape(len(x), -1, shape[axis], x.shape[2] // shape[axis]) for x in (mixed, ket))
            if legs[axis] < 0:
                p = (mixed * ket.conj()).sum((1, 3)).real
                picks[~legs[axis]] = picked = _picked(jnp.maximum(p, 0), uniform[~legs[axis]])
                whole = jnp.broadcast_to(ket, mixed.shape)
                ket = jnp.take_along_axis(whole, picked[:, None, None, None], axis=2)[:, :, 0]
            else:
                onto = wiring.step(core, legs[axis]).onto
                branch = visit(onto, legs[axis], _inner(mixed, ket))
                ket = jnp.einsum("naxr,nx->nar", jnp.broadcast_to(ket, mixed.shape), branch)
        vector = ket.reshape(len(ket), -1)
        return vector / jnp.linalg.norm(vector, axis=1, keepdims=True)

    visit(root, None, jnp.ones((uniform.shape[1], 1, 1), cores[0].dtype))
    return jnp.stack([picks[site] for site in range(wiring.sites)], axis=1)


def _inner(mixed: Num[Array, "n a x r"], ket: Num[Array, "_ a x r"]) -> Num[Array, "n x x"]:
    """The density matrix on a bond, trace 1: all but that leg contracted."""
    inner = _by_leg(mixed) @ jnp.swapaxes(_by_leg(ket), 1, 2).conj()
    return inner / jnp.trace(inner, axis1=1, axis2=2).real[:, None, None]


def _by_leg(x: Num[Array, "n a x r"]) -> Num[Array, "n x _"]:
    return jnp.swapaxes(x, 1, 2).reshape(len(x), x.shape[2], -1)
