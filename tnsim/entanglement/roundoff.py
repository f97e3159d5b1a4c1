"""How far rounding can move the trace of n replicas. THEORY sections 6 and 8. Uses schedule, measure; used by renyi.

    rounding at an edge <= eps u x .. x u (2n legs), u = |W| d, d[g] = G[g, g]^(1/2) the norms below the matrix W
    felt in Tr rho^n    <= eps (sum_g u[g] V[g, g]^(1/2))^(2n), V the environment: <psi|psi> = sum V[g, h] G[g, h]

Both by Cauchy and Schwarz: E holds scalar products of vectors of norms d, turned by a permutation, and so does what
surrounds it. Grams go up once, environments come down once for a class vector, whatever the partition. In NumPy: each
wave has a shape of its own, and compiling takes longer than computing.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from tnsim.banks import Banks
from tnsim.contract.schedule import Wave, distinct, whole
from tnsim.entanglement.measure import SiteMeasure
from tnsim.entanglement.replicas import Form
from tnsim.network import Network

EPS = float(np.finfo(np.float64).eps)
CLASSES = 2**14  # environments told apart in a wave of few kinds; above, those of one kind are added up
COMPLEX = 3  # roundings of a complex product and sum, in those of a real one


class Grams(NamedTuple):
    """value * exp(log_scale), one scale a matrix (or a window's stack of them)."""

    value: Num[np.ndarray, "..."]
    log_scale: Float[np.ndarray, "..."]


class GramWave(NamedTuple):
    """Of every kind of position of a wave: its matrix W, G below and above it; all the tree's log-scales' sizes."""

    wave: Wave
    rows: Num[np.ndarray, "positions g c"]
    below: Num[np.ndarray, "positions c c"]
    above: Num[np.ndarray, "positions g g"]
    conv_peak: Float[np.ndarray, "positions"]
    log_pool: Float[np.ndarray, "nodes"]
    logs: float


class Environments(NamedTuple):
    """V of classes of edges: the kind of each, and how many edges it stands for."""

    kind: Int[np.ndarray, "classes"]
    weight: Float[np.ndarray, "classes"]
    value: Num[np.ndarray, "classes r r"]


class Felt(NamedTuple):
    """ln of the state's norm (-inf where it is zero to rounding); bounds, to first order in eps, on the error of
    Tr rho^n over norm^2n, and on that of its logarithm from adding log-scales."""

    log_norm: float
    trace: float
    logs: float


def unit_rows(bank: Num[np.ndarray, "copies g c"]) -> Grams:
    """Matrices with peak 1, and the logarithms of what they were divided by."""
    return rescaled(bank, np.zeros(len(bank)))


def rescaled(value: Num[np.ndarray, "n g c"], log_scale: Float[np.ndarray, "n"]) -> Grams:
    peak = np.abs(value).max(axis=(1, 2), initial=0.0)
    peak = np.where(peak > 0, peak, 1.0)
    return Grams(value / peak[:, None, None], log_scale + np.log(peak))


def sandwiched(rows: Num[np.ndarray, "n g c"], gram: Num[np.ndarray, "n c c"]) -> Num[np.ndarray, "n g g"]:
    """W G W^dagger."""
    return rows @ gram @ rows.conj().swapaxes(1, 2)


def multiplied(x: Grams) -> Grams:
    """Products over axis 1, by halving, with a new scale at each: (nodes, window, r, r) to (nodes, r, r)."""
    value, log_scale = x
    while (length := value.shape[1]) > 1:
        half = length // 2
        pairs = value[:, :half] * value[:, half : 2 * half]
        logs = log_scale[:, :half] + log_scale[:, half : 2 * half]
        flat = rescaled(pairs.reshape(-1, *pairs.shape[2:]), logs.reshape(-1))
        value = np.concatenate([flat.value.reshape(pairs.shape), value[:, 2 * half :]], axis=1)
        log_scale = np.concatenate([flat.log_scale.reshape(logs.shape), log_scale[:, 2 * half :]], axis=1)
    return Grams(value[:, 0], log_scale[:, 0])


def gram_waves(network: Network, banks: Banks, measure: SiteMeasure) -> tuple[list[GramWave], Grams]:
    """Gram matrices of all kinds of positions, wave by wave, and the root's."""
    schedule = distinct(whole(network), measure.kind)
    leaves = measure.grams[measure.kind[schedule.leaves]]
    node, waves = rescaled(leaves, np.zeros(len(leaves))), []
    for wave, kinds in zip(schedule.waves, schedule.kinds[1:], strict=True):
        unit = unit_rows(np.asarray(banks[wave.bank]))
        rows, below = unit.value[wave.rows], node.value[wave.sources]
        above = rescaled(sandwiched(rows, below), np.zeros(len(rows)))
        log_scale = node.log_scale[wave.sources] + 2 * unit.log_scale[wave.rows] + above.log_scale
        children = wave.children.array
        node = multiplied(Grams(above.value[children], log_scale[children]))
        log_pool = node.log_scale - log_scale[children].sum(axis=1)
        logs = float(np.bincount(kinds) @ np.abs(log_scale)[children].sum(axis=1))
        waves.append(GramWave(wave, rows, below, above.value, np.exp(above.log_scale), log_pool, logs))
    return waves, node


def felt(grams: tuple[list[GramWave], Grams], vector: Num[np.ndarray, "r"], form: Form, real: bool) -> Felt:
    """Norm and rounding of the state that `vector` closes, for any partition."""
    waves, root = grams
    unit = vector / max(np.abs(vector).max(), np.finfo(np.float64).tiny)
    closed = float(np.real(unit @ root.value[0] @ unit.conj()))
    if not closed > 0:
        return Felt(-np.inf, np.inf, np.inf)
    log_norm = 0.5 * (log(closed) + float(root.log_scale[0])) + log(np.abs(vector).max())
    V = Environments(np.zeros(1, np.int64), np.ones(1), (unit[:, None] * unit.conj()[None] / closed)[None])
    edge = float((np.abs(unit) * norms(root.value)[0]).sum() ** 2 / closed)  # the root, closed by the vector
    trace = _roundings(form, len(vector), 0, real) * edge**form.order
    for level, wave in reversed(list(enumerate(waves))):
        position = _of_positions(wave, V)
        leaf = form.order * (wave.wave.dim_in + 2) * (level == 0)
        eps = _roundings(form, wave.wave.dim_in, wave.wave.children.array.shape[1], real) + leaf * EPS
        trace += eps * float(position.weight @ _sizes(wave, position) ** form.order)
        V = _below(wave, position) if level else V
    logs = 4 * EPS * form.order * len(waves) * (sum(wave.logs for wave in waves) + abs(log_norm))
    return Felt(log_norm, trace, logs)


def _roundings(form: Form, width: int, window: int, real: bool) -> float:
    """Of a conv, the products before it, and the scales."""
    return EPS * ((1 if real else COMPLEX) * (form.roundings(width) + 4 * window) + 2 * form.order + 6)


def norms(gram: Num[np.ndarray, "n r r"]) -> Float[np.ndarray, "n r"]:
    """G[g, g]^(1/2)."""
    return np.sqrt(np.maximum(np.einsum("ngg->ng", gram).real, 0.0))


def _sizes(wave: GramWave, V: Environments) -> Float[np.ndarray, "classes"]:
    """(sum_g u[g] V[g, g]^(1/2))^2 over <psi|psi>, above the matrices: at least 1."""
    u = np.einsum("ngc,nc->ng", np.abs(wave.rows), norms(wave.below)) / np.sqrt(wave.conv_peak)[:, None]
    return np.einsum("ng,ng->n", u[V.kind], norms(V.value)) ** 2


def _of_positions(wave: GramWave, node: Environments) -> Environments:
    """V of a window's positions: V of the node times the other positions' Grams, equal ones once."""
    children = wave.wave.children.array[node.kind]
    first = np.diff(children, axis=1, prepend=-1) != 0  # equal children stand side by side
    of, place = np.nonzero(first)
    runs = np.diff(np.append(np.flatnonzero(first.ravel()), first.size))
    value = node.value[of] * _others(wave, children, of, place, wave.log_pool[node.kind[of]])
    found = Environments(children[of, place], node.weight[of] * runs, value)
    return _merged(found, len(wave.above))


def _others(wave: GramWave, children, of, place, log_scale) -> Num[np.ndarray, "classes g g"]:
    """Products of the Grams of all positions of a window but one, over exp(log_scale)."""
    if children.shape[1] == 2:
        return wave.above[children[of, 1 - place]] / np.exp(log_scale)[:, None, None]
    kind = children[of, place]
    size, phase = np.abs(wave.above), np.sign(wave.above)
    logs = np.where(size > 0, np.log(np.where(size > 0, size, 1.0)), -1e5)  # a zero that can be taken out again
    phase = np.where(size > 0, phase, 1.0)
    phases = phase[children].prod(axis=1)[of] * phase[kind].conj()
    return np.exp(logs[children].sum(axis=1)[of] - logs[kind] - log_scale[:, None, None]) * phases


def _merged(V: Environments, kinds: int) -> Environments:
    """At most some CLASSES: the surplus of each kind is added up, which keeps the bound one: x^n + y^n <= (x + y)^n."""
    if len(V.kind) <= max(CLASSES, kinds):
        return V
    order = np.argsort(V.kind, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(V.kind[order], V.kind[order])
    buckets = max(1, CLASSES // kinds)
    _, into = np.unique(V.kind[order] * buckets + place % buckets, return_inverse=True)
    into = into[np.argsort(order)]
    value = np.zeros((into.max() + 1, *V.value.shape[1:]), V.value.dtype)
    np.add.at(value, into, V.value * V.weight[:, None, None])
    kind = np.zeros(len(value), np.int64)
    kind[into] = V.kind
    return Environments(kind, np.ones(len(value)), value)


def _below(wave: GramWave, V: Environments) -> Environments:
    """V through the matrices."""
    rows = wave.rows[V.kind]
    value = rows.swapaxes(1, 2) @ V.value @ rows.conj() / wave.conv_peak[V.kind][:, None, None]
    return Environments(wave.wave.sources[V.kind], V.weight, value)
