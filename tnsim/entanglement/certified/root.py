"""Schmidt values of a truncated state at its root, dense or by iteration. Uses kronecker, truncate.

M = sum_g X_g (x) Y_g; q_k: squared singular values of a projection of M, descending, each at most the true one
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim.entanglement.certified import kronecker, upper

DENSE = 1200  # the shorter side up to which M is formed and decomposed whole


class RootSpectrum(NamedTuple):
    """q descending; missing: 1 - sum q, at least 0; dropped: entropy (unnormalised piece) of what M has beside q;
    whole: there is nothing beside q."""

    q: Float[np.ndarray, "k"]
    missing: float
    dropped: float
    whole: bool


def root_spectrum(X: Num[np.ndarray, "a b r"], Y: Num[np.ndarray, "c d r"], k: int, seed: int = 0) -> RootSpectrum:
    """The spectrum of a root of two factors; k: how many values where M is too large to be formed."""
    rows, columns = X.shape[0] * Y.shape[0], X.shape[1] * Y.shape[1]
    if min(rows, columns) <= DENSE:
        M = np.einsum("abg,cdg->acbd", X, Y, optimize=True).reshape(rows, columns)
        q = np.linalg.svd(M, compute_uv=False) ** 2
        return RootSpectrum(q, max(1 - float(q.sum()), 0.0), 0.0, True)
    ones = np.ones((X.shape[2], X.shape[2]))
    found = kronecker.eigenbasis(X, Y, ones, "A" if rows <= columns else "B", k, start=seed)
    weight = max(float(found.trace) - float(found.values.sum()), 0.0)
    # The piece beside the projection: diagonal of its density, or flat over all that M could have.
    listed = float(upper.eta(np.minimum(found.rest, np.exp(-1.0))).sum())
    dropped = min(listed, upper.flat(weight, np.log(min(rows, columns))))
    return RootSpectrum(found.values, max(1 - float(found.values.sum()), 0.0), dropped, False)
