"""In which inner product a state is measured: factors at the sites. THEORY section 2. Used by every measure.

coefficient: the tensor A itself        function: L2 of the product of site measures, A with S^(1/2) at every leg
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Num

from tnsim.banks import Banks

MEASURES = ("coefficient", "function")


@dataclass(frozen=True, eq=False)
class SiteMeasure:
    """Factors F with F F^dagger = S, and which of them each site has.

    factors (kinds, M, M); kind (sites,). Site leg c of the tensor meets F[c, a], a the orthonormal index.
    """

    name: str
    factors: Num[np.ndarray, "kinds M M"]
    kind: Int[np.ndarray, "sites"]

    @property
    def grams(self) -> Num[np.ndarray, "kinds M M"]:
        """S = E[f f^dagger] of every kind of site."""
        return self.factors @ np.conj(np.swapaxes(self.factors, -1, -2))


def site_measure(name: str, gram, sites: int, features: int) -> SiteMeasure:
    """The site factors of a measure. gram: (M, M), one for all sites, or (sites, M, M); only with "function".

    Raises ValueError for an unknown measure, a missing or surplus gram, a wrong shape, and a matrix that is not
    Hermitian or not positive.
    """
    if name not in MEASURES:
        raise ValueError(f"measure: wanted one of {MEASURES}, found {name!r}")
    if (name == "function") != (gram is not None):
        wanted = "the Gram matrices of the features" if name == "function" else "none"
        raise ValueError(f"gram: measure {name!r} wants {wanted}, found {'none' if gram is None else 'one'}")
    if gram is None:
        return SiteMeasure(name, np.eye(features)[None], np.zeros(sites, dtype=np.int64))
    gram = _checked(np.asarray(gram), sites, features)
    if gram.ndim == 2:
        return SiteMeasure(name, _root(gram)[None], np.zeros(sites, dtype=np.int64))
    _, first, kind = np.unique(gram, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # by first appearance, not by value: new numbers of one pattern compile nothing anew
    return SiteMeasure(name, np.stack([_root(one) for one in gram[first[order]]]), np.argsort(order)[kind.reshape(-1)])


def _checked(gram: np.ndarray, sites: int, features: int) -> Num[np.ndarray, "..."]:
    if gram.shape not in ((features, features), (sites, features, features)):
        raise ValueError(
            f"gram: wanted shape {(features, features)} or {(sites, features, features)}, found {gram.shape}"
        )
    gram = gram.astype(np.result_type(gram.dtype, np.float64))
    if not np.isfinite(gram).all():
        raise ValueError("gram: wanted finite numbers, found NaN or infinity")
    if not np.allclose(gram, np.conj(np.swapaxes(gram, -1, -2)), rtol=1e-6, atol=1e-12):
        raise ValueError("gram: wanted Hermitian matrices, found one that is not")
    return gram


def _root(gram: Num[np.ndarray, "M M"]) -> Num[np.ndarray, "M M"]:
    """The Hermitian square root."""
    values, vectors = np.linalg.eigh(gram)
    if values[0] < -1e-8 * max(values[-1], 0) or values[-1] <= 0:
        raise ValueError(f"gram: wanted positive matrices, found eigenvalues {values[0]:.3g}..{values[-1]:.3g}")
    return (vectors * np.sqrt(np.maximum(values, 0))) @ np.conj(vectors.T)


def side_kinds(measure: SiteMeasure, mask: Bool[np.ndarray, "sites"]) -> Int[np.ndarray, "sites"]:
    """One kind for each (site measure, side): the leaves of a fold that knows the partition."""
    return 2 * measure.kind + ~mask


def item_size(banks: Banks, measure: SiteMeasure) -> int:
    """Bytes of one number of a measurement: complex where a bank or a factor is."""
    return 16 if any(np.iscomplexobj(array) for array in (*banks.values(), measure.factors)) else 8
