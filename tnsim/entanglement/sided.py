"""Values of a partition's edges: Gram matrices inside one side, n replicas over both. THEORY section 6. In NumPy.

    wholly in A, or in B:  G[g, h], (r, r), cost r^3         over both:  E (see replicas), cost r^(2n + 1)
    a node over both:      E = prod of its children's E  *  A's G, as replicas of A  *  B's G, as replicas of B

A side's Gram becomes replicas only where it first meets the other side. Uses replicas; used by subtrees.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Num

from tnsim.entanglement.replicas import Form, Replicas, Value, rescale
from tnsim.entanglement.roundoff import Grams, multiplied, rescaled, sandwiched

B, A, BOTH = 0, 1, 2


class Values(NamedTuple):
    """On edges: the side of each, its place among its like; G of the one-sided ones, E of those over both."""

    side: Int[np.ndarray, "edges"]
    place: Int[np.ndarray, "edges"]
    grams: Grams
    replicas: Replicas


def one_sided(form: Form, side: Int[np.ndarray, "n"], grams: Num[np.ndarray, "n r r"]) -> Values:
    """Edges of one side each."""
    nothing = rescale(form.traced(grams[:0, None]), np.zeros((0, 1)))
    return Values(side, np.arange(len(side)), rescaled(grams, np.zeros(len(grams))), nothing)


def conv(form: Form, unit: Grams, row: Int[np.ndarray, "n"], below: Values, edges: Int[np.ndarray, "n"]) -> Values:
    """Some of the edges below, each through its row of a bank (peaks 1, log-scales apart)."""
    side, place = below.side[edges], below.place[edges]
    one, both = np.flatnonzero(side != BOTH), np.flatnonzero(side == BOTH)
    gram, at = unit.value[row[one]], place[one]
    log_scale = below.grams.log_scale[at] + 2 * unit.log_scale[row[one]]
    grams = rescaled(sandwiched(gram, below.grams.value[at]), log_scale)
    at = place[both]
    log_scale = below.replicas.log_scale[at] + 2 * form.order * unit.log_scale[row[both], None]
    E = _taken(below.replicas.value, at)
    E = _convolved(form, unit.value, row[both], E) if len(both) else form.traced(grams.value[:0, None])
    place = np.empty(len(side), np.int64)
    place[one], place[both] = np.arange(len(one)), np.arange(len(both))
    return Values(side, place, grams, rescale(E, log_scale))


def _convolved(form: Form, matrices: Num[np.ndarray, "k g c"], row: Int[np.ndarray, "n"], E: Value) -> Value:
    """Every E through its matrix; where many have the same one, in one long product."""
    used, which = np.unique(row, return_inverse=True)
    if 8 * len(used) > len(row):
        return form.conv(form.lift(matrices[row]), E)
    order = np.argsort(which, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(which))[:-1])
    many = [tuple(part.swapaxes(0, 1) for part in _taken(E, group)) for group in groups]
    found = [form.conv(form.lift(matrices[k][None]), group) for k, group in zip(used, many, strict=True)]
    back = np.argsort(order)
    return tuple(np.concatenate(parts, axis=1)[0, back, None] for parts in zip(*found, strict=True))


def pool(form: Form, x: Values, children: Int[np.ndarray, "nodes window"]) -> Values:
    """Products over the windows, at once for all nodes with so many children over both, in A, in B."""
    order = np.argsort(-x.side[children], axis=1, kind="stable")  # those over both first, then A's, then B's
    children = np.take_along_axis(children, order, axis=1)
    counts = np.stack([(x.side[children] == side).sum(axis=1) for side in (BOTH, A, B)], axis=1)
    kinds, which = np.unique(counts, axis=0, return_inverse=True)
    side, place = np.empty(len(children), np.int64), np.empty(len(children), np.int64)
    found: dict[bool, list] = {False: [], True: []}
    for number, (both, a, b) in enumerate(kinds.tolist()):
        nodes = np.flatnonzero(which.ravel() == number)
        mixed = both > 0 or (a > 0 and b > 0)
        side[nodes] = BOTH if mixed else (A if a else B)
        place[nodes] = sum(len(part.log_scale) for part in found[mixed]) + np.arange(len(nodes))
        inside = children[nodes]
        parts = inside[:, :both], inside[:, both : both + a], inside[:, both + a :]
        found[mixed].append(_mixed(form, x, *parts) if mixed else _grams(x, inside))
    none_of_one, none_of_both = _grams(x, children[:0]), rescale(_no(form, x), np.zeros((0, 1)))
    return Values(side, place, _together(found[False], none_of_one), _together(found[True], none_of_both))


def _no(form: Form, x: Values) -> Value:
    return form.traced(x.grams.value[:0, None])


def _grams(x: Values, children: Int[np.ndarray, "n w"]) -> Grams:
    """Products of Gram matrices over windows of one side."""
    at = x.place[children] if len(children) else children
    return multiplied(Grams(x.grams.value[at], x.grams.log_scale[at]))


def _mixed(
    form: Form, x: Values, both: Int[np.ndarray, "n p"], a: Int[np.ndarray, "n q"], b: Int[np.ndarray, "n s"]
) -> Replicas:
    """Products of replicas: of the children over both, of A's Gram matrix, of B's."""
    factors = [_selected(x.replicas, x.place[column]) for column in both.T]
    for inside, turn in ((a, form.flip), (b, lambda value: value)):
        if inside.shape[1]:
            gram = _grams(x, inside)
            factors.append(Replicas(turn(form.traced(gram.value[:, None])), form.order * gram.log_scale[:, None]))
    return reduce(lambda one, other: _product(form, one, other, len(factors) > 2), factors)


def _product(form: Form, x: Replicas, y: Replicas, long: bool) -> Replicas:
    """The next conv takes a new scale, so that a product of two needs none."""
    value, log_scale = form.pool(x.value, y.value), x.log_scale + y.log_scale
    return rescale(value, log_scale) if long else Replicas(value, log_scale)


def _taken(value: Value, at: Int[np.ndarray, "n"]) -> Value:
    return tuple(part[at] for part in value)


def _selected(x: Replicas, at: Int[np.ndarray, "n"]) -> Replicas:
    return Replicas(_taken(x.value, at), x.log_scale[at])


def _together(parts: list, nothing):
    """Grams, or Replicas, of several compositions, one after the other."""
    if len(parts) < 2:
        return parts[0] if parts else nothing
    log_scale = np.concatenate([part.log_scale for part in parts])
    if isinstance(nothing, Grams):
        return Grams(np.concatenate([part.value for part in parts]), log_scale)
    columns = zip(*(part.value for part in parts), strict=True)
    return Replicas(tuple(np.concatenate(column) for column in columns), log_scale)


def joined(x: Values, y: Values) -> Values:
    """The edges of one and of the other."""
    past = np.where(y.side == BOTH, len(x.replicas.log_scale), len(x.grams.log_scale))
    grams, replicas = _together([x.grams, y.grams], x.grams), _together([x.replicas, y.replicas], x.replicas)
    return Values(np.append(x.side, y.side), np.append(x.place, y.place + past), grams, replicas)


def over_both(form: Form, x: Values) -> Replicas:
    """The values of a single edge as replicas, whatever its side."""
    if x.side[0] == BOTH:
        return x.replicas
    value = form.traced(x.grams.value[:, None])
    return Replicas(form.flip(value) if x.side[0] == A else value, form.order * x.grams.log_scale[:, None])
