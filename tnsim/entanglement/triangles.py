"""R of tall matrices X = Q R, many at once: by two Cholesky factors where those are as good, else by Householder's QR.

    G1 = X^H X = R1^H R1,   Y = X R1^-1,   G2 = Y^H Y = R2^H R2,   R = R2 R1       (CholeskyQR2)

R1 alone is as bad as the Gram matrix, which squares small singular values. But where Y is nearly orthonormal, its own
factor repairs it: R is then as good as Householder's (Yamamoto et al. 2015, "Roundoff error analysis of the CholeskyQR2
algorithm"), and all of it are products, in which a processor is several times faster. Narrow matrices gain nothing.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from jaxtyping import Num
from scipy.linalg import get_blas_funcs

from tnsim.banks import AnyArray

__all__ = ["triangle"]

TALL, WIDE = 2, 32  # rows over columns, and columns, from which products win
NEAR = 0.1  # of Y^H Y to 1, in the Frobenius norm: then Y's condition is below 1.06, and R1 was no worse than 1e7


def triangle(xp: ModuleType, X: Num[AnyArray, "n rows columns"]) -> Num[AnyArray, "n columns columns"]:
    """R of every matrix, up to the phases of its rows; rows >= columns."""
    if xp is not np or X.shape[1] < TALL * X.shape[2] or X.shape[2] < WIDE:
        return xp.linalg.qr(X, mode="r")
    return np.stack([found if (found := _by_cholesky(one)) is not None else np.linalg.qr(one, mode="r") for one in X])


def _by_cholesky(X: Num[np.ndarray, "rows columns"]) -> Num[np.ndarray, "columns columns"] | None:
    """R; None where the matrix is too nearly dependent for it."""
    try:
        R1 = np.linalg.cholesky(X.conj().T @ X).conj().T
    except np.linalg.LinAlgError:
        return None
    (trsm,) = get_blas_funcs(("trsm",), (X,))
    Y = trsm(1, R1, X, side=1)
    G2 = Y.conj().T @ Y
    if not np.linalg.norm(G2 - np.eye(len(G2))) <= NEAR:
        return None
    return np.linalg.cholesky(G2).conj().T @ R1
