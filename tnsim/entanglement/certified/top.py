"""The largest Schmidt values of a state whose matrix is too large to form. THEORY section 6. Uses certified.kronecker.

    M = sum_g X_g (x) Y_g          values: singular values of U^dagger M V or of Q^dagger M, orthonormal U, V, Q:
    (a1 a2) x (b1 b2)              never above those of M, one by one, whether anything has converged or not

Lanczos takes the fewest products with M; the range finder takes them many at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from tnsim import memory
from tnsim.banks import AnyArray
from tnsim.entanglement.certified import kronecker

EPS = float(np.finfo(np.float64).eps)
ROUNDING = 64 * EPS  # a remainder this small beside M is no direction of M
CHECKED = 8  # Lanczos steps between looks at the residuals
OVERSAMPLED, POWERS = 8, 2  # columns of the range finder beyond k; its steps beyond the first


class TopValues(NamedTuple):
    """The top singular values of M from below, with what is known of the rest.

    values: descending; the j-th is at most M's j-th, up to rounding. residuals: the larger of ||M v - s u|| and
    ||M^dagger u - s v|| for each: *some* singular value of M lies as near, but Lanczos sees a repeated one once.
    captured: the squared norm of the projected matrix over that of M, None if M is zero; of it `values` are the top
    only, so that the mass they miss is 1 - sum(values^2) / squared_norm.
    applications: products of M or of its adjoint with one vector.
    """

    values: Float[np.ndarray, "k"]
    residuals: Float[np.ndarray, "k"]
    captured: float | None
    applications: int
    method: str


class Operator(NamedTuple):
    """M and its adjoint, both laid out for products; M has at least as many rows as columns."""

    X: Num[AnyArray, "a1 b1 r"]
    Y: Num[AnyArray, "a2 b2 r"]
    X_adjoint: Num[AnyArray, "b1 a1 r"]
    Y_adjoint: Num[AnyArray, "b2 a2 r"]

    @property
    def rows(self) -> int:
        return self.X.shape[0] * self.Y.shape[0]

    @property
    def columns(self) -> int:
        return self.X.shape[1] * self.Y.shape[1]

    def apply(self, V: Num[AnyArray, "columns k"]) -> Num[AnyArray, "rows k"]:
        block = V.reshape(self.X.shape[1], self.Y.shape[1], V.shape[-1])
        return kronecker.apply(self.X, self.Y, block).reshape(self.rows, V.shape[-1])

    def adjoint(self, U: Num[AnyArray, "rows k"]) -> Num[AnyArray, "columns k"]:
        block = U.reshape(self.X.shape[0], self.Y.shape[0], U.shape[-1])
        return kronecker.apply(self.X_adjoint, self.Y_adjoint, block).reshape(self.columns, U.shape[-1])


def operator(X: Num[AnyArray, "a1 b1 r"], Y: Num[AnyArray, "a2 b2 r"]) -> Operator:
    """M, or its transpose, which has the same singular values, if M is wide."""
    if X.shape[0] * Y.shape[0] < X.shape[1] * Y.shape[1]:
        X, Y = X.swapaxes(0, 1), Y.swapaxes(0, 1)
    X, Y, X_adjoint, Y_adjoint = (
        C.swapaxes(1, 2).copy().swapaxes(1, 2) for C in (X, Y, X.swapaxes(0, 1).conj(), Y.swapaxes(0, 1).conj())
    )
    return Operator(X, Y, X_adjoint, Y_adjoint)


def top_schmidt(
    X: Num[AnyArray, "a1 b1 r"],
    Y: Num[AnyArray, "a2 b2 r"],
    k: int,
    tol: float = 1e-8,
    method: str = "lanczos",
    seed: int = 0,
    limit: str | float | None = None,
) -> TopValues:
    """The top k singular values of M = sum_g X_g (x) Y_g, M never formed. For JAX arrays call under enable_x64.

    method: "lanczos" or "range". tol: Lanczos stops where the residuals of the top k are below tol times the largest
    value, or at `longest` steps; the range finder does not look at it. Factors near one in size: squares are taken.
    Raises ValueError for k < 1 or an unknown method, and MemoryLimitError before anything is spent.
    """
    if k < 1 or method not in ("lanczos", "range"):
        raise ValueError(f"k, method: wanted k >= 1 and 'lanczos' or 'range', found k={k}, method={method!r}")
    needed = numbers(X.shape, Y.shape, k, method) * np.result_type(X.dtype, np.float64).itemsize
    memory.check(
        needed, limit, f"a matrix of {X.shape[0] * Y.shape[0]} x {X.shape[1] * Y.shape[1]}: its top {k} Schmidt values",
        "Ways out: a smaller chi; a smaller k; method='lanczos'; a higher memory=.",
    )  # fmt: skip
    M = operator(X, Y)
    k = min(k, M.columns)
    return lanczos(M, k, tol, seed, longest(k)) if method == "lanczos" else range_finder(M, k, POWERS, seed)


def longest(k: int) -> int:
    """Lanczos steps at most."""
    return 3 * k + 32


def numbers(X: tuple[int, ...], Y: tuple[int, ...], k: int, method: str) -> int:
    """Numbers that `top_schmidt` holds at its peak, by the shapes of X and Y."""
    (a1, b1, r), (a2, b2, _) = X, Y
    rows, columns, half = a1 * a2, b1 * b2, r * max(a1 * b2, b1 * a2)
    laid = 4 * r * (a1 * b1 + a2 * b2)
    if method == "lanczos":
        return (min(longest(k), rows, columns) + 4) * (rows + columns) + 2 * half + laid
    width = min((POWERS + 1) * (k + OVERSAMPLED), rows, columns)
    return 4 * width * (rows + columns) + 2 * max(half, kronecker.FORMED) + laid


def lanczos(M: Operator, k: int, tol: float, seed: int, steps: int) -> TopValues:
    """Golub-Kahan bidiagonalisation with full reorthogonalisation: M V = U B, M^dagger U = V B^T + beta v e^T.

    Ritz values are the singular values of B = U^dagger M V.
    """
    steps, random = min(steps, M.columns), np.random.default_rng(seed)
    U, V, B = _empty(M, steps, M.rows), _empty(M, steps + 1, M.columns), np.zeros((steps, steps + 1))
    V, _ = _extended(V, 0, 0 * V[0], 0.0, random)  # a zero vector is replaced by a random one
    for j in range(steps):
        U, B[j, j] = _extended(U, j, M.apply(V[j][:, None])[:, 0], B.max(), random)
        if j + 1 < M.columns:  # V is complete else, and the remainder nothing but rounding
            V, B[j, j + 1] = _extended(V, j + 1, M.adjoint(U[j][:, None])[:, 0], B.max(), random)
        if j + 1 == steps or (j + 1 >= k and (j + 1) % CHECKED == 0):
            values, residuals = _ritz(B[: j + 1, : j + 2], k)
            if (residuals <= tol * values[0]).all():
                break
    return TopValues(values, residuals, _fraction(M, B[: j + 1, : j + 1]), 2 * (j + 1), "lanczos")


def _fraction(M: Operator, projected: Float[np.ndarray, "..."]) -> float | None:
    """Squared norm of the projected matrix, by its entries or singular values, over that of M."""
    total = kronecker.squared_norm(M.X, M.Y)
    return float((projected**2).sum()) / total if total > 0 else None


def _empty(M: Operator, steps: int, size: int) -> Num[AnyArray, "steps size"]:
    return kronecker.arrays_of(M.X).zeros((steps, size), dtype=np.result_type(M.X.dtype, M.Y.dtype))


def _extended(
    basis: Num[AnyArray, "steps size"], j: int, vector: Num[AnyArray, "size"], largest: float, random
) -> tuple[Num[AnyArray, "steps size"], float]:
    """The basis with row j: `vector` less what the j rows before hold of it, normalised; and its norm before that.

    A remainder that is rounding, beside the `largest` of the norms so far, counts as zero and gives a random row.
    """
    before, (vector, norm) = _norm(vector), _without(basis, j, vector)
    while 0 < norm < 0.1 * before and norm > ROUNDING * largest:  # what is left is not orthogonal to rounding yet
        before, (vector, norm) = norm, _without(basis, j, vector)
    if norm <= ROUNDING * largest:
        other = kronecker.arrays_of(basis).asarray(random.normal(size=vector.shape)).astype(basis.dtype)
        vector, _ = _without(basis, j, _without(basis, j, other)[0])
        return _put(basis, j, vector / _norm(vector)), 0.0
    return _put(basis, j, vector / norm), norm


def _without(basis, j: int, vector) -> tuple[Num[AnyArray, "size"], float]:
    known = basis[:j] if isinstance(basis, np.ndarray) else basis  # rows to come are zero; one shape, one compilation
    left = vector - (known @ vector.conj()).conj() @ known
    return left, _norm(left)


def _norm(vector: Num[AnyArray, "size"]) -> float:
    return float((vector.conj() @ vector).real) ** 0.5


def _put(basis, j: int, vector):
    if isinstance(basis, np.ndarray):
        basis[j] = vector  # in place: the buffer is this run's own
        return basis
    return basis.at[j].set(vector)


def _ritz(B: Float[np.ndarray, "j columns"], k: int) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """Top singular values of the square part of B and their residuals |beta| |last entry of the left vector|."""
    left, values, _ = np.linalg.svd(B[:, :-1])
    return values[:k], np.maximum(B[-1, -1] * np.abs(left[-1, :k]), EPS * values[0])


def range_finder(M: Operator, k: int, iterations: int, seed: int) -> TopValues:
    """Singular values of Q^dagger M, Q the block Krylov space M W, (M M^dagger) M W, .. of a random block W.

    All the blocks are kept: the same products would give the range of the last one alone.
    """
    xp, width = kronecker.arrays_of(M.X), min(k + OVERSAMPLED, M.columns)
    iterations = min(iterations, M.columns // width - 1)
    noise = np.random.default_rng(seed).normal(size=(M.rows + M.columns, width))
    noise, W = xp.asarray(noise[: M.rows]), xp.asarray(noise[M.rows :]).astype(M.X.dtype)
    blocks, images = [kronecker.orthonormal(M.apply(W), [], noise)], []
    for step in range(iterations + 1):
        images.append(M.adjoint(blocks[-1]))
        if step < iterations:
            blocks.append(kronecker.orthonormal(M.apply(images[-1]), blocks, xp.roll(noise, step + 1, axis=0)))
    V, R = xp.linalg.qr(xp.concatenate(images, axis=1))  # (Q^dagger M)^dagger; R, not a Gram matrix: small values
    right, values, left = xp.linalg.svd(R)
    u, v = xp.concatenate(blocks, axis=1) @ left.conj().T[:, :k], V @ right[:, :k]
    away = np.asarray(M.apply(v) - u * values[None, :k])  # M^dagger u = s v by construction
    residuals = np.linalg.norm(away, axis=0)
    found = np.asarray(values)
    applications = 2 * (iterations + 1) * width + k
    return TopValues(found[:k], np.maximum(residuals, EPS * found[0]), _fraction(M, found), applications, "range")
