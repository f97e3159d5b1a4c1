"""Sums of Kronecker products that are applied, measured and cut down, never formed. THEORY section 6.

    a1 --[ X ]-- b1        C_g = X_g (x) Y_g: rows are pairs (a1 a2) of A, columns pairs (b1 b2) of B
           |
           g               rho_A = sum_gh E[g,h] C_g C_h^dagger,   rho_B = sum_gh E[g,h] C_g^T conj(C_h)
           |
    a2 --[ Y ]-- b2        E (r, r): the environment of the node; at the root all ones, so that rho_A = M M^dagger

M = sum_g C_g is the state's matrix at the root. NumPy arrays are worked on by NumPy, JAX arrays by jitted JAX (call
under enable_x64); placement.py says which of them a machine wants. Pairs count row-major: pair (a1, a2) is row
a1 * (size of a2) + a2. Used by certified folds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from tnsim.banks import AnyArray

Side = Literal["A", "B"]
FORMED, FORMED_ON_DEVICE = 2**22, 2**28  # elements of a product with all C_g at once; more columns go in slices
NARROW = 12  # columns that are not worth a slice
OVERSAMPLED = 8  # columns beyond the k that are asked for
EPS = float(np.finfo(np.float64).eps)


class Eigenbasis(NamedTuple):
    """Part of the spectrum of a positive rho on pairs, from a projection P P^dagger; batched if its arrays are.

    basis: P, orthonormal columns. values: Ritz values theta, descending; the j-th is at most the j-th eigenvalue, also
    where nothing has converged. image: rho P. diagonal: of rho itself, in the basis of pairs.
    """

    basis: Num[AnyArray, "*n pairs k"]
    values: Float[AnyArray, "*n k"]
    image: Num[AnyArray, "*n pairs k"]
    diagonal: Float[AnyArray, "*n pairs"]

    @property
    def trace(self) -> Float[AnyArray, "*n"]:
        """Tr rho, exactly."""
        return arrays_of(self.diagonal).asarray(self.diagonal.sum(-1))

    @property
    def rest(self) -> Float[AnyArray, "*n pairs"]:
        """Diagonal of (1 - P P^dagger) rho (1 - P P^dagger); it sums to trace - sum(values), the discarded weight."""
        xp = arrays_of(self.basis)
        mixed = 2 * (self.basis.conj() * self.image).real - xp.abs(self.basis) ** 2 * self.values[..., None, :]
        return xp.maximum(self.diagonal - mixed.sum(-1), 0)

    @property
    def host(self) -> Eigenbasis:
        """The same in NumPy arrays."""
        return Eigenbasis(*(np.asarray(part) for part in self))

    def keep(self, k: int) -> Eigenbasis:
        """The first k columns."""
        return Eigenbasis(self.basis[..., :k], self.values[..., :k], self.image[..., :k], self.diagonal)


def apply(
    X: Num[AnyArray, "a1 b1 r"], Y: Num[AnyArray, "a2 b2 r"], V: Num[AnyArray, "b1 b2 k"]
) -> Num[AnyArray, "a1 a2 k"]:
    """M V = sum_g X_g V Y_g^T for k vectors. 2 k r (a1 b1 b2 + a1 b2 a2) flops, or with Y first where that is less."""
    return _kernels(X).apply(X, Y, V)


def adjoint(
    X: Num[AnyArray, "a1 b1 r"], Y: Num[AnyArray, "a2 b2 r"], U: Num[AnyArray, "a1 a2 k"]
) -> Num[AnyArray, "b1 b2 k"]:
    """M^dagger U = sum_g X_g^dagger U conj(Y_g) for k vectors."""
    return _kernels(X).apply(X.swapaxes(0, 1).conj(), Y.swapaxes(0, 1).conj(), U)


def squared_norm(X: Num[AnyArray, "a1 b1 r"], Y: Num[AnyArray, "a2 b2 r"]) -> float:
    """||M||_F^2 = sum_gh h(X)[g,h] h(Y)[g,h], h(X)[g,h] = sum_ab X[a,b,g] conj(X[a,b,h])."""
    one, other = (C.reshape(-1, C.shape[-1]) for C in (X, Y))
    return float(((one.T @ one.conj()) * (other.T @ other.conj())).sum().real)


def row_norms(X: Num[AnyArray, "a1 b1 r"], Y: Num[AnyArray, "a2 b2 r"]) -> Float[AnyArray, "a1 a2"]:
    """Squared norms of M's rows: the diagonal of M M^dagger."""
    ones = arrays_of(X).ones((X.shape[-1], X.shape[-1]))
    return diagonal(X, Y, ones, "A").reshape(X.shape[0], Y.shape[0])


def diagonal(
    X: Num[AnyArray, "*n a1 b1 r"], Y: Num[AnyArray, "*n a2 b2 r"], E: Num[AnyArray, "*n r r"], side: Side
) -> Float[AnyArray, "*n pairs"]:
    """Diagonal of rho_A or rho_B: sum_gh E[g,h] hX[a1,g,h] hY[a2,g,h], hX[a,g,h] = sum_b X[a,b,g] conj(X[a,b,h])."""
    X, Y = _sided(X, Y, side)
    one, other = (C.swapaxes(-1, -2) @ C.conj() for C in (X, Y))
    one = E[..., None, :, :] * one
    one, other = (h.reshape(*h.shape[:-2], h.shape[-1] ** 2) for h in (one, other))
    return _paired((one @ other.swapaxes(-1, -2)).real)


def density(
    X: Num[AnyArray, "*n a1 b1 r"], Y: Num[AnyArray, "*n a2 b2 r"], E: Num[AnyArray, "*n r r"], side: Side
) -> Num[AnyArray, "*n pairs pairs"]:
    """rho_A or rho_B of small pair spaces, formed: ((a1 a1'), (g h)) E against ((a2 a2'), (g h)), one product."""
    X, Y = _sided(X, Y, side)
    return _density(X, Y, E)


def dense_eigenbasis(
    X: Num[AnyArray, "*n a1 b1 r"],
    Y: Num[AnyArray, "*n a2 b2 r"],
    E: Num[AnyArray, "*n r r"],
    side: Side,
    k: int | None = None,
) -> Eigenbasis:
    """All eigenpairs of the formed rho_A or rho_B, or its top k; nodes of one shape are one batch.

    For pair spaces up to some 600: pairs^2 numbers and pairs^3 work a node.
    """
    X, Y = _sided(X, Y, side)
    pairs = X.shape[-3] * Y.shape[-3]
    return _kernels(X).dense(X, Y, E, k=pairs if k is None else min(k, pairs))


def eigenbasis(
    X: Num[AnyArray, "a1 b1 r"],
    Y: Num[AnyArray, "a2 b2 r"],
    E: Num[AnyArray, "r r"],
    side: Side,
    k: int,
    iterations: int = 2,
    start: int | Num[AnyArray, "pairs _"] = 0,
) -> Eigenbasis:
    """Ritz basis of the top k of rho_A or rho_B, which is applied to blocks and never formed.

    Rayleigh-Ritz on the block Krylov space of `start`, rho start, .., rho^iterations start: it holds the subspace
    iteration of as many steps for the same work, 8 r (a1 b1 a2 + b1 a2 b2) flops a column and step. Any orthonormal
    basis is a valid projection, so values stay below eigenvalues however few the iterations.

    start: a block (its columns need not be orthonormal), or a seed: then the k largest diagonal entries, which alone
    are the selection of pairs that THEORY section 6 calls the cheap one, and some random columns.
    Raises ValueError for k < 1 or iterations < 0.
    """
    if k < 1 or iterations < 0:
        raise ValueError(f"k, iterations: wanted k >= 1 and iterations >= 0, found k={k}, iterations={iterations}")
    X, Y = _sided(X, Y, side)
    pairs, xp = X.shape[0] * Y.shape[0], arrays_of(X)
    seed, block = (start, None) if isinstance(start, int) else (0, start)
    width = min(k, pairs) + OVERSAMPLED if block is None else block.shape[1]
    if (iterations + 1) * width >= pairs:  # the Krylov space would be all of it
        block, width, iterations = xp.eye(pairs), pairs, 0
    noise = xp.asarray(np.random.default_rng(seed).normal(size=(pairs, width)))
    return _kernels(X).krylov(X, Y, E, block, noise, k=min(k, pairs), iterations=iterations)


def eigenbasis_numbers(X: tuple[int, ...], Y: tuple[int, ...], side: Side, k: int, iterations: int = 2) -> int:
    """Numbers that `eigenbasis` holds at its peak, by the shapes of X and Y."""
    (a1, b1, r), (a2, b2, _) = X, Y
    if side == "B":
        a1, a2, b1, b2 = b1, b2, a1, a2
    columns = min((iterations + 1) * (k + OVERSAMPLED), a1 * a2)
    return 5 * a1 * a2 * columns + 4 * max(FORMED, r * max(b1 * a2, b1 * b2, a1 * b2)) + 2 * r * r * (a1 + a2)


def project(
    X: Num[AnyArray, "*n a1 b1 r"],
    Y: Num[AnyArray, "*n a2 b2 r"],
    PA: Num[AnyArray, "*n pairsA chiA"],
    PB: Num[AnyArray, "*n pairsB chiB"],
) -> Num[AnyArray, "*n chiA chiB r"]:
    """C'[alpha,beta,g] = sum conj(PA[(a1 a2),alpha]) C_g[(a1 a2),(b1 b2)] conj(PB[(b1 b2),beta]), C_g never formed.

    With eigenvectors PA of rho_A and PB of rho_B the state becomes (PA PA^dagger x PB PB^dagger) psi: columns of PA
    are kets on A's pairs, those of PB kets on B's, and C' holds its components along them.
    """
    return _kernels(X).project(X, Y, PA, PB)


class Kernels(NamedTuple):
    """What is done at once, and the array module it works in."""

    arrays: ModuleType
    apply: Callable[..., Num[AnyArray, "a1 a2 k"]]
    dense: Callable[..., Eigenbasis]
    krylov: Callable[..., Eigenbasis]
    project: Callable[..., Num[AnyArray, "*n chiA chiB r"]]


def _kernels(array: AnyArray) -> Kernels:
    return HOST if isinstance(array, np.ndarray) else DEVICE


def arrays_of(array: AnyArray) -> ModuleType:
    """NumPy or jax.numpy, whichever the array is of."""
    return np if isinstance(array, np.ndarray) else jnp


def _dagger(x: Num[AnyArray, "*n i j"]) -> Num[AnyArray, "*n j i"]:
    return x.swapaxes(-1, -2).conj()


def _paired(x: Num[AnyArray, "*n a1 a2"]) -> Num[AnyArray, "*n pairs"]:
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def _sided(X: Num[AnyArray, "*n a1 b1 r"], Y: Num[AnyArray, "*n a2 b2 r"], side: Side):
    """The factors with the side's legs first, so that everything else reads rho_A: rho_B is that of C^T."""
    if side not in ("A", "B"):
        raise ValueError(f"side: wanted 'A' or 'B', found {side!r}")
    return (X, Y) if side == "A" else (X.swapaxes(-3, -2), Y.swapaxes(-3, -2))


def _x_first(X: Num[AnyArray, "*n a1 b1 r"], Y: Num[AnyArray, "*n a2 b2 r"]) -> bool:
    """Whether C_g^dagger costs less with X first; C_g then does with X last."""
    (a1, b1), (a2, b2) = X.shape[-3:-1], Y.shape[-3:-1]
    return b1 * a2 * (a1 + b2) <= a1 * b2 * (a2 + b1)


class Laid(NamedTuple):
    """Two factors in the order in which they are multiplied, so that no slice of columns lays them out again."""

    x: Num[AnyArray, "*n r b1 a1"]
    y: Num[AnyArray, "*n r a2 b2"]


def _laid(xp: ModuleType, X: Num[AnyArray, "*n a1 b1 r"], Y: Num[AnyArray, "*n a2 b2 r"]) -> Laid:
    return Laid(xp.moveaxis(X, -1, -3).swapaxes(-1, -2).copy(), xp.moveaxis(Y, -1, -3).copy())


def _lowered(C: Laid, V: Num[AnyArray, "*n a1 k a2"]) -> Num[AnyArray, "*n r b1k b2"]:
    """C_g^dagger V for every g; the vectors' index in the middle, so that both steps are products of large matrices."""
    *n, a1, k, a2 = V.shape
    r, b1 = C.x.shape[-3:-1]
    half = C.x.conj().reshape(*n, r * b1, a1) @ V.reshape(*n, a1, k * a2)
    return half.reshape(*n, r, b1 * k, a2) @ C.y.conj()


def _raised(C: Laid, Z: Num[AnyArray, "*n r b1k b2"]) -> Num[AnyArray, "*n a1 ka2"]:
    """sum_g C_g Z_g."""
    *n, r, b1, a1 = C.x.shape
    half = (Z @ C.y.swapaxes(-1, -2)).reshape(*n, r * b1, Z.shape[-2] // b1 * C.y.shape[-2])
    return C.x.reshape(*n, r * b1, a1).swapaxes(-1, -2) @ half


def _apply(xp: ModuleType, X, Y, V: Num[AnyArray, "b1 b2 k"]) -> Num[AnyArray, "a1 a2 k"]:
    (a1, b1, r), (a2, b2, _), k = X.shape, Y.shape, V.shape[-1]
    if b2 * a1 * (b1 + a2) > b1 * a2 * (b2 + a1):
        return _apply(xp, Y, X, V.swapaxes(0, 1)).swapaxes(0, 1)
    of_x = X.swapaxes(1, 2).reshape(a1 * r, b1)
    of_y = Y.swapaxes(1, 2).reshape(a2, r * b2)

    def part(some: Num[AnyArray, "b1 b2 k"]) -> Num[AnyArray, "a1 a2 k"]:
        if some.shape[-1] == 1:  # whole matrices, of any size
            return ((of_x @ some[..., 0]).reshape(a1, r * b2) @ of_y.T)[..., None]
        return of_y @ (of_x @ some.reshape(b1, -1)).reshape(a1, r * b2, some.shape[-1])

    return xp.concatenate([part(V[..., some]) for some in _slices(xp, k, a1 * r * b2)], axis=-1)


def _slices(xp: ModuleType, k: int, numbers: int) -> Iterator[slice]:
    """Columns in slices that bound what is formed, `numbers` a column; a few at a time are slower than one alone."""
    step = (FORMED if xp is np else FORMED_ON_DEVICE) // numbers
    step = step if step >= NARROW else 1
    return (slice(first, min(first + step, k)) for first in range(0, k, step))


def _applied(xp: ModuleType, C: Laid, E: Num[AnyArray, "r r"], V: Num[AnyArray, "pairs k"]) -> Num[AnyArray, "pairs k"]:
    """rho V = sum_g C_g sum_h E[g,h] C_h^dagger V, for the pairs of the first legs."""
    (r, b1, a1), (_, a2, b2) = C.x.shape, C.y.shape
    block = V.reshape(a1, a2, V.shape[-1])

    def part(some: Num[AnyArray, "a1 a2 k"]) -> Num[AnyArray, "a1 a2 k"]:
        lowered = _lowered(C, some.swapaxes(1, 2))
        mixed = (E @ lowered.reshape(r, -1)).reshape(lowered.shape)
        return _raised(C, mixed).reshape(a1, some.shape[-1], a2).swapaxes(1, 2)

    parts = [part(block[..., some]) for some in _slices(xp, V.shape[-1], r * b1 * max(a2, b2))]
    return xp.concatenate(parts, axis=-1).reshape(a1 * a2, V.shape[-1])


def _density(X, Y, E) -> Num[AnyArray, "*n pairs pairs"]:
    one, other = _crossed(X), _crossed(Y)
    *n, a1, _, r = X.shape
    a2 = Y.shape[-3]
    found = (one * E.reshape(*n, 1, r * r)) @ other.swapaxes(-1, -2)
    return found.reshape(*n, a1, a1, a2, a2).swapaxes(-3, -2).reshape(*n, a1 * a2, a1 * a2)


def _crossed(X: Num[AnyArray, "*n a b r"]) -> Num[AnyArray, "*n aa rr"]:
    """sum_b X[a,b,g] conj(X[a',b,h]) as ((a a'), (g h))."""
    *n, a, b, r = X.shape
    flat = X.swapaxes(-1, -2).reshape(*n, a * r, b)
    gram = (flat @ _dagger(flat)).reshape(*n, a, r, a, r)
    return gram.swapaxes(-3, -2).reshape(*n, a * a, r * r)


def _dense(xp: ModuleType, X, Y, E, k: int) -> Eigenbasis:
    rho = _density(X, Y, E)
    values, vectors = xp.linalg.eigh(rho)
    values, vectors = xp.maximum(values[..., ::-1][..., :k], 0), vectors[..., ::-1][..., :k]
    diagonal = xp.diagonal(rho, axis1=-2, axis2=-1).real
    return Eigenbasis(vectors, values, vectors * values[..., None, :], diagonal)


def _krylov(X, Y, E, start, noise, k: int, iterations: int) -> Eigenbasis:
    """Rayleigh-Ritz on the block Krylov space of `start`, or of the largest diagonal pairs and some random columns."""
    xp, weights = arrays_of(X), diagonal(X, Y, E, "A")
    block = _first(xp, weights, noise, k) if start is None else start
    if flip := not _x_first(X, Y):  # Y goes first: the pairs in its order
        X, Y, turn, back = Y, X, _order(X, Y), _order(Y, X)
        block, noise = block[turn], noise[turn]
    P, image = _krylov_space(xp, partial(_applied, xp, _laid(xp, X, Y), E), block, noise, iterations)
    if flip:
        P, image = P[back], image[back]
    projected = P.conj().T @ image
    values, vectors = xp.linalg.eigh((projected + projected.conj().T) / 2)
    vectors = vectors[:, ::-1][:, :k]
    return Eigenbasis(P @ vectors, xp.maximum(values[::-1][:k], 0), image @ vectors, weights)


def _krylov_space(xp: ModuleType, rho: Callable, block, noise, iterations: int):
    """An orthonormal basis of block, rho block, .., rho^iterations block; and its image under rho."""
    blocks = [orthonormal(block, [], noise)]
    images = [rho(blocks[0])]
    for step in range(iterations):
        blocks.append(orthonormal(images[-1], blocks, xp.roll(noise, step + 1, axis=0)))
        images.append(rho(blocks[-1]))
    return xp.concatenate(blocks, axis=1), xp.concatenate(images, axis=1)


def _order(X, Y) -> np.ndarray:
    """Numbers of the pairs (a1 a2) in the order (a2 a1)."""
    a1, a2 = X.shape[0], Y.shape[0]
    return np.arange(a1 * a2).reshape(a1, a2).T.reshape(-1)


def _first(xp: ModuleType, weights, noise, k: int):
    """The k pairs of largest weight, one a column, and random columns with the weights' deviations for the rest."""
    top = xp.argsort(-weights)[:k]
    pairs = (xp.arange(len(weights))[:, None] == top[None, :]).astype(noise.dtype)
    spread = noise[:, k:] * xp.sqrt(xp.maximum(weights, 0))[:, None]
    return xp.concatenate([pairs, spread], axis=1)


def orthonormal(
    block: Num[AnyArray, "size k"], before: list[Num[AnyArray, "size _"]], noise: Num[AnyArray, "size k"]
) -> Num[AnyArray, "size k"]:
    """Orthonormal columns that span `block` beside the blocks before it.

    The noise, of rounding's size, lets what lies in their span already become any other direction: a rank-deficient
    block would else give columns that are not orthogonal to those before.
    """
    xp = arrays_of(block)
    block = block + noise * (EPS * xp.abs(block).max())
    if not before:
        return xp.linalg.qr(block)[0]
    for _ in range(2):  # once loses orthogonality where little is left over
        for Q in before:
            block = block - Q @ (Q.conj().T @ block)
        block = xp.linalg.qr(block)[0]
    return block


def _project(xp: ModuleType, X, Y, PA, PB) -> Num[AnyArray, "*n chiA chiB r"]:
    *n, a1, b1, r = X.shape
    a2, b2, C = Y.shape[-3], Y.shape[-2], _laid(xp, X, Y)
    columns = PB.conj().reshape(*n, 1, b1 * b2, PB.shape[-1])

    def part(some: Num[AnyArray, "*n pairs k"]) -> Num[AnyArray, "*n r k chiB"]:
        k = some.shape[-1]
        lowered = _lowered(C, some.reshape(*n, a1, a2, k).swapaxes(-1, -2)).conj().reshape(*n, r, b1, k, b2)
        return lowered.swapaxes(-3, -2).reshape(*n, r, k, b1 * b2) @ columns

    numbers = r * b1 * max(a2, b2) * math.prod(n)
    found = xp.concatenate([part(PA[..., some]) for some in _slices(xp, PA.shape[-1], numbers)], axis=-2)
    return xp.moveaxis(found, -3, -1)


HOST = Kernels(np, partial(_apply, np), partial(_dense, np), _krylov, partial(_project, np))
DEVICE = Kernels(
    jnp,
    jax.jit(partial(_apply, jnp)),
    jax.jit(partial(_dense, jnp), static_argnames="k"),
    jax.jit(_krylov, static_argnames=("k", "iterations")),
    jax.jit(partial(_project, jnp)),
)
