"""A network without open indices contracted to a number, with what rounding did to it. Uses products.

    forward:  z = x y, at peak 1, scales apart        backward:  env_x = env_z y,  d number = <env_z, d z>

|computed z - z| <= gamma ||x|| ||y||, so the number is within sum of gamma ||x|| ||y|| ||env_z||, to first order. Many
numbers of one wiring go at once: tensors may have the axis BATCH, and scales and errors are then one for each. Arrays
of NumPy stay of NumPy; of JAX, all can be traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tnsim.contract.grouped import Step
from tnsim.entanglement.networks.products import Named, times

BATCH = -1
EPS = float(np.finfo(np.float64).eps)
Scale = Any  # a float, or an array (batch,) of NumPy or JAX


class Tensor(NamedTuple):
    """A tensor at peak 1 and the logarithm of its scale, one for each of a batch."""

    named: Named
    log_scale: Scale

    @property
    def log_norm(self) -> Scale:
        """ln of the Frobenius norm; -inf of zero."""
        xp = namespace(self.named)
        with np.errstate(divide="ignore"):
            return self.log_scale + 0.5 * xp.log((xp.abs(self.named.value) ** 2).sum(axis=_inner(self.named)))


class Run(NamedTuple):
    """All tensors of a contraction; the last one is the number (or the batch of numbers)."""

    tensors: list[Tensor]
    steps: Sequence[Step]

    @property
    def number(self) -> tuple[Any, Scale]:
        """value, log_scale."""
        last = self.tensors[-1]
        return last.named.value, last.log_scale


def namespace(named: Named) -> Any:
    """numpy or jax.numpy, as its array is."""
    return jnp if isinstance(named.value, jax.Array) else np


def contract(given: Sequence[Named], steps: Sequence[Step]) -> Run:
    """Every tensor along the steps. Tensors with BATCH have it first."""
    tensors = [_unit(tensor, namespace(tensor).zeros(())) for tensor in given]
    for step in steps:
        x, y = tensors[step.left], tensors[step.right]
        made = _times(x.named, y.named, step.kept | {BATCH})
        tensors.append(_unit(_batch_first(made), x.log_scale + y.log_scale))
    return Run(tensors, steps)


def environments(run: Run) -> list[Tensor | None]:
    """What surrounds the tensors that steps made, each the derivative of the number by the tensor; None for others."""
    found: list[Tensor | None] = [None] * len(run.tensors)
    xp = namespace(run.tensors[-1].named)
    value = xp.ones_like(run.tensors[-1].named.value)
    found[-1] = Tensor(Named(run.tensors[-1].named.axes, value), xp.zeros(value.shape))
    first = len(run.tensors) - len(run.steps)
    for number, step in reversed(list(enumerate(run.steps, start=first))):
        above = found[number]
        assert above is not None
        for inside, beside in ((step.left, step.right), (step.right, step.left)):
            if inside >= first:
                other = run.tensors[beside]
                axes = {*run.tensors[inside].named.axes, BATCH}
                made = _times(above.named, other.named, axes)
                found[inside] = _unit(_batch_first(made), above.log_scale + other.log_scale)
    return found


def rounding(run: Run, surroundings: Sequence[Tensor | None], given: float = 0.0) -> Scale:
    """A first-order bound on the error of the number's value, over exp(log_scale). given: relative rounding of the norm
    of what was given."""
    value, log_scale = run.number
    xp, first = namespace(run.tensors[-1].named), len(run.tensors) - len(run.steps)
    total = xp.zeros(value.shape)
    with np.errstate(over="ignore"):
        for number, step in enumerate(run.steps, start=first):
            x, y, around = run.tensors[step.left], run.tensors[step.right], surroundings[number]
            assert around is not None
            fresh = sum(given for operand in (step.left, step.right) if operand < first)
            felt = x.log_norm + y.log_norm + around.log_norm - log_scale
            total = total + (EPS * (_summed(x.named, y.named, run.tensors[number].named) + 2) + fresh) * xp.exp(felt)
    return total


class Sum(NamedTuple):
    """A number over all slices, or a batch of them (batch,): value and a bound on its error, both times
    exp(log_scale)."""

    value: Any
    error: Any
    log_scale: Scale


Executor = Callable[[Sequence[Named], Sequence[Step], float | None], Sum]


def number(given: Sequence[Named], steps: Sequence[Step], fresh: float | None) -> Sum:
    """The number. fresh: relative rounding of what was given; None asks for no bound (infinite then)."""
    run = contract(given, steps)
    xp, (value, log_scale) = namespace(run.tensors[-1].named), run.number
    error = xp.full(value.shape, np.inf) if fresh is None else xp.asarray(rounding(run, environments(run), fresh))
    return Sum(value, error, xp.broadcast_to(log_scale, value.shape))


def summed(
    given: Sequence[Named], steps: Sequence[Step], sliced: dict[int, int], fresh: float | None,
    executor: Executor = number,
) -> Sum:  # fmt: skip
    """The number as a sum over slices, each with one number for every axis of `sliced` ({axis: dimension})."""
    places = (dict(zip(sliced, place, strict=True)) for place in np.ndindex(*sliced.values()))
    parts = [executor([_fixed(tensor, at) for tensor in given], steps, fresh) for at in places]
    if len(parts) == 1:
        return parts[0]
    values, errors, scales = (np.stack(each) for each in zip(*parts, strict=True))
    top = scales.max(axis=0)
    weights = np.exp(scales - top)
    return Sum((values * weights).sum(axis=0), (errors * weights).sum(axis=0), top)


def _times(x: Named, y: Named, kept: frozenset[int] | set[int]) -> Named:
    return times(x, y, kept, namespace(x).matmul)


def _fixed(tensor: Named, at: dict[int, int]) -> Named:
    """A slice of a tensor."""
    if not at.keys() & set(tensor.axes):
        return tensor
    value = tensor.value[tuple(at.get(axis, slice(None)) for axis in tensor.axes)]
    return Named(tuple(axis for axis in tensor.axes if axis not in at), np.asarray(value))


def _summed(x: Named, y: Named, z: Named) -> float:
    """Terms of each sum."""
    gone = [size for axis, size in zip(x.axes, x.value.shape, strict=True) if axis not in z.axes]
    return float(np.prod(gone, initial=1.0))


def _inner(named: Named) -> tuple[int, ...]:
    """All axes but the batch's."""
    return tuple(place for place, axis in enumerate(named.axes) if axis != BATCH)


def _batch_first(named: Named) -> Named:
    if BATCH not in named.axes or named.axes[0] == BATCH:
        return named
    place = named.axes.index(BATCH)
    axes = (BATCH, *named.axes[:place], *named.axes[place + 1 :])
    return Named(axes, namespace(named).moveaxis(named.value, place, 0))


def _unit(named: Named, log_scale: Scale) -> Tensor:
    inner, xp = _inner(named), namespace(named)
    peak = xp.abs(named.value).max(axis=inner, keepdims=True, initial=0.0)
    peak = xp.where(peak > 0, peak, 1.0)
    scale = xp.log(peak.reshape(peak.shape[: named.value.ndim - len(inner)]))
    return Tensor(Named(named.axes, xp.asarray(named.value / peak)), log_scale + scale)
