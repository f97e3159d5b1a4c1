"""In which inner product a state is measured: factors at the sites. THEORY section 2. Used by every measure.

coefficient: the tensor A itself        function: L2 of the product of site measures, A with S^(1/2) at every leg
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, Num

from tnsim.banks import Banks

MEASURES = ("coefficient", "function")
NOTHING = (
    1e-13  # eigenvalues of a Gram up to this of the largest are its rounding: a sum over 1e5 images leaves as much
)
SPANNED = 1e-9  # of the largest singular value of a factor: above its own rounding, below the root of NOTHING


@dataclass(frozen=True, eq=False)
class SiteMeasure:
    """Factors F with F F^dagger = S, and which of them each site has.

    factors (kinds, M, M); kind (sites,). Site leg c of the tensor meets F[c, a], a the orthonormal index. Where S is
    singular (a border pixel that never changes) F is too: functions that agree almost everywhere are one state.
    """

    name: str
    factors: Num[np.ndarray, "kinds M M"]
    kind: Int[np.ndarray, "sites"]

    @property
    def grams(self) -> Num[np.ndarray, "kinds M M"]:
        """S = E[f f^dagger] of every kind of site."""
        return self.factors @ np.conj(np.swapaxes(self.factors, -1, -2))

    @property
    def by_site(self) -> SiteMeasure:
        """The same measure with every site a kind of its own."""
        return replace(self, factors=self.factors[self.kind], kind=np.arange(len(self.kind)))

    @cached_property
    def ranks(self) -> Int[np.ndarray, "kinds"]:
        """How many dimensions the features of each kind of site span, M where none is lost."""
        values = np.linalg.svd(self.factors, compute_uv=False)
        return (values > SPANNED * values[:, :1]).sum(axis=1)

    @property
    def note(self) -> str:
        """One line on the sites whose features are linearly dependent under the measure; empty where none are."""
        M, ranks = self.factors.shape[-1], self.ranks[self.kind]
        lost = [
            f"at {(ranks == rank).sum()} of {len(ranks)} sites the features span only {rank} of {M} dimensions"
            for rank in range(1, M)
            if (ranks == rank).any()
        ]
        return "; ".join([*lost, f"Gram eigenvalues up to {NOTHING:g} of the largest count as zero"] if lost else [])


def site_measure(name: str, gram, sites: int, features: int) -> SiteMeasure:
    """The site factors of a measure. gram: (M, M), one for all sites, or (sites, M, M); only with "function".

    Eigenvalues that are rounding (`NOTHING` of the largest, and more for a gram in single precision) become exactly
    zero: the measure is exact for a Gram within that of the given one. Raises ValueError for an unknown measure, a
    missing or surplus gram, a wrong shape, and a matrix that is not Hermitian, not positive, or zero.
    """
    if name not in MEASURES:
        raise ValueError(f"measure: wanted one of {MEASURES}, found {name!r}")
    if (name == "function") != (gram is not None):
        wanted = "the Gram matrices of the features" if name == "function" else "none"
        raise ValueError(f"gram: measure {name!r} wants {wanted}, found {'none' if gram is None else 'one'}")
    if gram is None:
        return SiteMeasure(name, np.eye(features)[None], np.zeros(sites, dtype=np.int64))
    rounding = max(NOTHING, features * _eps(np.asarray(gram).dtype))
    gram = _checked(np.asarray(gram), sites, features)
    if gram.ndim == 2:
        return SiteMeasure(name, _root(gram, rounding)[None], np.zeros(sites, dtype=np.int64))
    _, first, kind = np.unique(gram, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # by first appearance, not by value: new numbers of one pattern compile nothing anew
    roots = np.stack([_root(one, rounding) for one in gram[first[order]]])
    return SiteMeasure(name, roots, np.argsort(order)[kind.reshape(-1)])


def _eps(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


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


def _root(gram: Num[np.ndarray, "M M"], rounding: float) -> Num[np.ndarray, "M M"]:
    """The Hermitian square root, eigenvalues up to `rounding` of the largest taken as zero.

    Left in, one of 1e-17 would be 3e-9 in the root, and a Schmidt value that is none.
    """
    values, vectors = np.linalg.eigh(gram)
    if values[0] < -max(1e-8, rounding) * max(values[-1], 0) or values[-1] <= 0:
        raise ValueError(f"gram: wanted positive matrices, found eigenvalues {values[0]:.3g}..{values[-1]:.3g}")
    values = np.where(values > rounding * values[-1], values, 0)
    return (vectors * np.sqrt(values)) @ np.conj(vectors.T)


def side_kinds(measure: SiteMeasure, mask: Bool[np.ndarray, "sites"]) -> Int[np.ndarray, "sites"]:
    """One kind for each (site measure, side): the leaves of a fold that knows the partition."""
    return 2 * measure.kind + ~mask


def item_size(banks: Banks, measure: SiteMeasure) -> int:
    """Bytes of one number of a measurement: complex where a bank or a factor is."""
    return 16 if any(np.iscomplexobj(array) for array in (*banks.values(), measure.factors)) else 8
