"""Gram matrices below every edge and environments above it, scaled together. THEORY section 6. Uses joins.

    G[g, h] = sum_x psi[x, g] conj(psi[x, h])      psi: the subtree below the edge, x its configurations
    E[g, h] = sum_y phi[y, g] conj(phi[y, h])      phi: all the rest, closed by the class vector

The state is sum_g psi[x, g] phi[y, g], so its squared norm is sum_gh G[g, h] E[g, h] at every edge: 1, as scaled here.
Of several class vectors the state is sum_y |y> psi_y: its class leg is one more part of y, traced in every E.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from tnsim.banks import Banks
from tnsim.entanglement.certified.joins import JoinTree, Layer, Matrices
from tnsim.entanglement.measure import SiteMeasure

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Environments:
    """Of the edges before the first layer and after each: G (trace 1), E (sum of G o E: 1), and what G was divided by.

    shrink: after each layer, the trace that was divided out; amplitudes are divided by its root. vectors: the class
    vectors, scaled so that the root's state has norm 1. rounding: absolute error that rounding leaves in any weight.
    """

    grams: tuple[Num[np.ndarray, "_ _ _"], ...]
    outside: tuple[Num[np.ndarray, "_ _ _"], ...]
    shrink: tuple[Float[np.ndarray, "_"], ...]
    vectors: Num[np.ndarray, "classes r"]
    rounding: float

    @property
    def class_values(self) -> Float[np.ndarray, "classes"]:
        """Eigenvalues of the class leg's density matrix, descending; 1 where there is one class vector."""
        rho = self.vectors @ self.grams[-1][0] @ np.conj(self.vectors.T)
        return np.maximum(np.linalg.eigvalsh(rho)[::-1], 0)


def environments(
    tree: JoinTree, banks: Banks, vectors: Num[np.ndarray, "classes r"], measure: SiteMeasure
) -> Environments:
    """Both sweeps. Raises ValueError for a state that is zero (to rounding) or not finite."""
    grams, _ = _unit_trace(measure.grams[measure.kind])
    inside, shrink = [grams], []
    for layer in tree.layers:
        grams, traces = _unit_trace(_up(layer, banks, grams))
        inside.append(grams)
        shrink.append(traces)
    unit = vectors / (np.abs(vectors).max() or 1.0)
    root = (unit.T @ np.conj(unit))[None]
    norm_squared = float(_closed(inside[-1], root)[0])
    if not np.isfinite(norm_squared):
        raise ValueError("state: it is not finite; look for NaN or infinity in the banks")
    if norm_squared <= EPS * unit.size * float(np.trace(root[0]).real):
        raise ValueError("state: it is zero to rounding, so it has no entanglement entropy")
    outside = [root / norm_squared]
    for layer, below in zip(reversed(tree.layers), reversed(inside[:-1]), strict=True):
        found = _down(layer, banks, below, outside[-1])
        outside.append(found / _positive(_closed(below, found))[:, None, None])
    outside.reverse()
    felt = sum(float((_trace(E) * _trace(G)).sum()) for E, G in zip(outside, inside, strict=True))
    rounding = 4 * EPS * max(layer.dim for layer in tree.layers) * felt
    return Environments(tuple(inside), tuple(outside), tuple(shrink), unit / norm_squared**0.5, rounding)


def norm_squared(tree: JoinTree, env: Environments, banks: Banks, layer: int, grams: Num[np.ndarray, "n r r"]) -> float:
    """Squared norm of the state whose Gram matrices before the layer of that number are these, scaled as `env`."""
    for above, shrink in zip(tree.layers[layer:], env.shrink[layer:], strict=True):
        grams = _up(above, banks, grams) / shrink[:, None, None]
    return float(((env.vectors @ grams[0]) * np.conj(env.vectors)).sum().real)


def rows_of(layer: Matrices, banks: Banks) -> Num[np.ndarray, "edges g c"]:
    """The matrices of a layer, each with peak 1: all scales are divided out anyway."""
    bank = np.asarray(banks[layer.bank])
    peak = np.abs(bank).max(axis=(1, 2), keepdims=True)
    return (bank / np.where(peak > 0, peak, 1))[layer.rows]


def _up(layer: Layer, banks: Banks, grams: Num[np.ndarray, "n c c"]) -> Num[np.ndarray, "m g g"]:
    if isinstance(layer, Matrices):
        W = rows_of(layer, banks)
        return W @ grams[layer.sources] @ np.conj(np.swapaxes(W, 1, 2))
    alone = (layer.right < 0)[:, None, None]
    return grams[layer.left] * np.where(alone, 1, grams[layer.right])


def _down(layer: Layer, banks: Banks, grams: Num[np.ndarray, "n c c"], E: Num[np.ndarray, "m g g"]):
    """Environments of the edges below a layer."""
    result = np.empty_like(grams, dtype=np.result_type(grams, E))
    if isinstance(layer, Matrices):
        W = rows_of(layer, banks)
        result[layer.sources] = np.swapaxes(W, 1, 2) @ E @ np.conj(W)
        return result
    pairs = layer.pairs
    result[layer.left] = E
    result[layer.left[pairs]] *= grams[layer.right[pairs]]
    result[layer.right[pairs]] = E[pairs] * grams[layer.left[pairs]]
    return result


def _closed(G: Num[np.ndarray, "n g g"], E: Num[np.ndarray, "n g g"]) -> Float[np.ndarray, "n"]:
    return np.einsum("ngh,ngh->n", G, E).real


def _trace(X: Num[np.ndarray, "n g g"]) -> Float[np.ndarray, "n"]:
    return np.einsum("ngg->n", X).real


def _positive(x: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    return np.where(x > 0, x, 1)


def _unit_trace(G: Num[np.ndarray, "n g g"]) -> tuple[Num[np.ndarray, "n g g"], Float[np.ndarray, "n"]]:
    traces = _positive(_trace(G))
    return G / traces[:, None, None], traces
