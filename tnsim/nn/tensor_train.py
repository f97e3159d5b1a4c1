"""Dense layers whose weight matrix is a tensor train or ring of small cores, never formed. Ground of nn.

    y_1     y_2     y_3          W[y_1 y_2 y_3, x_1 x_2 x_3] = G_1[y_1, x_1] G_2[y_2, x_2] G_3[y_3, x_3], a product of
     |       |       |           matrices (r_{k-1}, r_k); of a ring its trace
    [G_1]---[G_2]---[G_3]
     |       |       |
    x_1     x_2     x_3

Novikov et al. 2015, "Tensorizing neural networks" (arXiv 1509.06569); Zhao et al. 2016 (arXiv 1606.05535) for rings.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Num

__all__ = ["TensorRingLinear", "TensorTrainLinear", "Truncated"]

Shape = tuple[int, ...]


class Truncated(NamedTuple):
    """A layer made of a matrix W: error is the Frobenius norm of W minus the layer's matrix, exactly; bound is what the
    dropped singular values of all cuts prove, never less."""

    layer: TensorTrainLinear
    error: float
    bound: float


class TensorTrainLinear(nnx.Module):
    """x -> x W^T + b for x (.., prod(in_shape)), W (prod(out_shape), prod(in_shape)) a tensor train.

    in_shape, out_shape: as many factors of each dimension. rank: the bond dimension, one for all bonds or one each.
    rngs: draws cores from its stream "params", so that W has entries of variance 1 / prod(in_shape). use_bias: of a
    bias, which begins at 0. Weights: the sum of r_{k-1} out_k in_k r_k.

    Raises ValueError for shapes of different lengths, or ranks that are not one a bond.
    """

    ring = False

    def __init__(
        self,
        in_shape: Sequence[int],
        out_shape: Sequence[int],
        rank: int | Sequence[int],
        *,
        rngs: nnx.Rngs,
        use_bias: bool = True,
        dtype: Any = jnp.float32,
    ) -> None:
        self.in_shape, self.out_shape = _shapes(in_shape, out_shape)
        self.ranks = _ranks(rank, len(self.in_shape), self.ring)
        paths = prod(self.ranks[1:])  # products that each entry of W sums
        std = (1 / (prod(self.in_shape) * paths)) ** (0.5 / len(self.in_shape))
        sizes = [(*both, self.ranks[k], self.ranks[k + 1]) for k, both in enumerate(zip(self.out_shape, self.in_shape))]
        self.cores = nnx.List([nnx.Param(std * jax.random.normal(rngs.params(), _core(size), dtype)) for size in sizes])
        self.bias = nnx.Param(jnp.zeros(prod(self.out_shape), dtype)) if use_bias else None

    def __call__(self, x: Num[Array, "*batch inputs"]) -> Num[Array, "*batch outputs"]:
        """x W^T + b, core by core. Raises ValueError where x has not prod(in_shape) numbers last."""
        if x.shape[-1] != prod(self.in_shape):
            raise ValueError(f"x: wanted {prod(self.in_shape)} numbers last, {self.in_shape}, found shape {x.shape}")
        value = self._through(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)
        return value if self.bias is None else value + jnp.broadcast_to(self.bias[...], value.shape)

    def _through(self, x: Num[Array, "batch inputs"]) -> Num[Array, "batch outputs"]:
        """Inputs give way to outputs from the left: (batch, open, outputs so far, r, inputs left)."""
        ends = self.ranks[0]
        value = jnp.broadcast_to(jnp.eye(ends, dtype=x.dtype)[None, :, None, :, None], (len(x), ends, 1, ends, 1))
        value = value * x[:, None, None, None, :]
        for core in self.cores:
            G = core[...]
            left, _, inner, right = G.shape
            split = value.reshape(*value.shape[:3], left, inner, -1)
            value = jnp.einsum("boylir,lgij->boygjr", split, G)
            value = value.reshape(*value.shape[:2], -1, right, value.shape[-1])
        return jnp.einsum("boyor->by", value)

    def matrix(self) -> Num[Array, "outputs inputs"]:
        """W, dense: the rows of the layer without its bias at the unit vectors."""
        inputs = prod(self.in_shape)
        return self._through(jnp.eye(inputs, dtype=self.cores[0][...].dtype)).T

    @property
    def parameters(self) -> int:
        """Number of weights of all cores, and the bias."""
        return sum(core[...].size for core in self.cores) + (0 if self.bias is None else self.bias[...].size)

    @classmethod
    def from_matrix(
        cls,
        W: Float[Array | np.ndarray, "outputs inputs"],
        in_shape: Sequence[int],
        out_shape: Sequence[int],
        rank: int | Sequence[int],
        bias: Float[Array | np.ndarray, "outputs"] | None = None,
    ) -> Truncated:
        """The layer nearest to W that cutting its singular values bond by bond gives (TT-SVD), and its exact error.

        rank: the largest bond dimensions; a bond that needs less has less. bound: root of the sum of the squares of all
        dropped singular values; the error is at most that, and at most sqrt(bonds) times the best one's. Source:
        Oseledets 2011, Tensor-train decomposition, theorem 2.2. Raises ValueError for a W or a bias of another shape.
        """
        if cls.ring:
            raise ValueError("from_matrix: wanted a TensorTrainLinear, found a ring, which has no such decomposition")
        in_shape, out_shape = _shapes(in_shape, out_shape)
        matrix = np.asarray(W, np.float64)
        if matrix.shape != (prod(out_shape), prod(in_shape)):
            raise ValueError(f"W: wanted shape {(prod(out_shape), prod(in_shape))}, found {matrix.shape}")
        cores, dropped = _cut(matrix, in_shape, out_shape, _ranks(rank, len(in_shape), False))
        layer = cls._of(in_shape, out_shape, cores, bias, jnp.asarray(W).dtype)
        error = np.linalg.norm(matrix - np.asarray(layer.matrix(), np.float64))
        return Truncated(layer, float(error), float(dropped**0.5))

    @classmethod
    def _of(cls, in_shape: Shape, out_shape: Shape, cores: Sequence[np.ndarray], bias, dtype: Any) -> TensorTrainLinear:
        """The layer of given cores."""
        ranks = [core.shape[3] for core in cores[:-1]]
        layer = cls(in_shape, out_shape, ranks, rngs=nnx.Rngs(0), use_bias=bias is not None, dtype=dtype)
        for held, core in zip(layer.cores, cores, strict=True):
            held[...] = jnp.asarray(core, dtype)
        if bias is not None:
            if np.shape(bias) != (prod(out_shape),):
                raise ValueError(f"bias: wanted shape {(prod(out_shape),)}, found {np.shape(bias)}")
            layer.bias[...] = jnp.asarray(bias, dtype)  # type: ignore[index]
        return layer


class TensorRingLinear(TensorTrainLinear):
    """As `TensorTrainLinear`, the last core joined to the first: W is a trace, and no core stands at an end.

    rank: one for all bonds, or one each, the last of which joins the ends. A forward pass takes that many times more.
    """

    ring = True


def _core(size: Shape) -> Shape:
    """(out, in, left, right) -> the axes of a core, (left, out, in, right)."""
    out, inner, left, right = size
    return (left, out, inner, right)


def _shapes(in_shape: Sequence[int], out_shape: Sequence[int]) -> tuple[Shape, Shape]:
    both = tuple(in_shape), tuple(out_shape)
    if len(both[0]) != len(both[1]) or not both[0] or min(*both[0], *both[1]) < 1:
        raise ValueError(f"in_shape, out_shape: wanted as many positive factors of each, found {both[0]} and {both[1]}")
    return both


def _ranks(rank: int | Sequence[int], count: int, ring: bool) -> Shape:
    """Dimensions left of every core, and right of the last."""
    bonds = count if ring else count - 1
    given = (rank,) * bonds if isinstance(rank, int) else tuple(rank)
    if len(given) != bonds or any(r < 1 for r in given):
        raise ValueError(f"rank: wanted a positive integer, or one for each of {bonds} bonds, found {rank!r}")
    return (given[-1], *given) if ring else (1, *given, 1)


def _cut(matrix: Float[np.ndarray, "outputs inputs"], in_shape: Shape, out_shape: Shape, ranks: Shape):
    """Cores (l, out, in, r) from the left, and the sum of the squares of what was dropped."""
    count = len(in_shape)
    pairs = [axis for k in range(count) for axis in (k, count + k)]
    rest, cores, dropped, left = matrix.reshape(*out_shape, *in_shape).transpose(pairs), [], 0.0, 1
    for k in range(count - 1):
        u, s, v = np.linalg.svd(rest.reshape(left * out_shape[k] * in_shape[k], -1), full_matrices=False)
        kept = min(ranks[k + 1], len(s))
        dropped += float((s[kept:] ** 2).sum())
        cores.append(u[:, :kept].reshape(left, out_shape[k], in_shape[k], kept))
        rest, left = s[:kept, None] * v[:kept], kept
    cores.append(rest.reshape(left, out_shape[-1], in_shape[-1], 1))
    return cores, dropped
