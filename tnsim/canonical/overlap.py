"""Inner products of two states on one tree: Gram matrices of what lies below every bond. Uses state.

    G[a, b] = sum over what is below of conj(one)[.., a] other[.., b]      (mantissa, log-scale) at every bond

Plain functions of the cores: with JAX cores jit, grad and vmap take them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Num

from tnsim.banks import AnyArray
from tnsim.canonical.state import Core, TreeState, absorbed, namespace, refuse_zero, rescaled
from tnsim.canonical.wiring import Step, children, rooted


class Scaled(NamedTuple):
    """value * exp(log_scale)."""

    value: Num[AnyArray, ""] | complex
    log_scale: Any


def overlap(one: TreeState, other: TreeState) -> Scaled:
    """<one|other> as (mantissa, log-scale); bonds may differ in dimension. Raises ValueError for different trees."""
    check_alike(one, other)
    xp = namespace(one, other)
    grams: dict[int, Core] = {}
    log_scale = one.log_scale + other.log_scale
    below = children(one.wiring, 0)
    for step in rooted(one.wiring, 0):
        gram = gram_below(xp, (one.cores[step.core], other.cores[step.core]), below[step.core], grams, step.axis)
        grams[step.core], log = rescaled(xp, gram)
        log_scale = log_scale + log
    ket = with_grams(xp, other.cores[0], below[0], grams)
    value, log = rescaled(xp, xp.vdot(one.cores[0], ket)[None])
    return Scaled(value[0], log_scale + log)


def with_grams(xp, ket: Core, below: Sequence[Step], grams) -> Core:
    """A ket core with the Gram matrices (bra, ket) of its lower bonds."""
    for step in below:
        ket = absorbed(xp, ket, step.at, grams[step.core])
    return ket


def gram_below(xp, cores: tuple[Core, Core], below: Sequence[Step], grams, axis: int) -> Core:
    """(bra, ket) on the leg `axis` of two cores, all below contracted."""
    bra, ket = cores
    ket = with_grams(xp, ket, below, grams)
    rest = [leg for leg in range(ket.ndim) if leg != axis]
    return xp.tensordot(bra.conj(), ket, axes=(rest, rest))


def check_alike(one: TreeState, other: TreeState) -> None:
    """Raises ValueError where two states are not of one tree with the same sites."""
    if one.wiring != other.wiring or one.dims != other.dims:
        raise ValueError(f"other: wanted a state on the same tree and sites, found {other!r} beside {one!r}")


def log_norm(state: TreeState) -> Any:
    """ln |psi|. Raises ValueError for a state that is zero."""
    xp = namespace(state)
    if state.centre is not None:
        core = state.cores[state.centre]
        square = xp.vdot(core, core).real
        refuse_zero(square)
        return 0.5 * xp.log(square) + state.log_scale
    value, log_scale = overlap(state, state)
    refuse_zero(value.real)
    return 0.5 * (xp.log(value.real) + log_scale)


def fidelity(one: TreeState, other: TreeState) -> Any:
    """|<one|other>|^2 / (<one|one> <other|other>), from 0 to 1. Raises ValueError for zero and for different trees."""
    xp = namespace(one, other)
    value, log_scale = overlap(one, other)
    return (value * xp.conj(value)).real * xp.exp(2 * (log_scale - log_norm(one) - log_norm(other)))
