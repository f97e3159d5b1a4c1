"""A tree tensor network with dense cores as a Flax module: scores of images. Uses compression.cores.

    images --[representation]-- (batch, sites, M) --[join two: C[g, a, b]]-- .. --[output]-- scores
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Num

from tnsim.compression.cores import Cores
from tnsim.contract.scores import Scores
from tnsim.network import Table
from tnsim.nn.patches import Patches
from tnsim.nn.representation import Representation
from tnsim.nn.tensor_network import logits

__all__ = ["TreeTensorNetwork"]


class TreeTensorNetwork(nnx.Module):
    """`module(images)` gives logits (batch, classes). tree: of `dense_cores`; its cores are Params.

    representation: as of `ConvAC`; None where features (batch, sites, M) come in.
    """

    def __init__(
        self, tree: Cores, representation: Representation | Patches | None = None, dtype: Any = jnp.float32
    ) -> None:
        self.representation = representation
        self.cores = nnx.List([nnx.Param(jnp.asarray(join.cores, dtype)) for join in tree.joins])
        self.output = nnx.Param(jnp.asarray(tree.output, dtype))
        self.tables = tuple((Table(join.rows), Table(join.pairs)) for join in tree.joins)

    def scores(self, images: Num[Array | np.ndarray, "batch ..."]) -> Scores:
        """Class scores h = value * exp(log_scale) of images, or of features where there is no representation."""
        features = jnp.asarray(images) if self.representation is None else self.representation(images)
        values = jnp.transpose(features, (1, 2, 0))
        log_scale = jnp.zeros(values.shape[-1], values.dtype)
        for cores, (rows, pairs) in zip(self.cores, self.tables, strict=True):
            values = _join(cores[...][rows.array], values[pairs.array[:, 0]], values[pairs.array[:, 1]])
            peak = lax.stop_gradient(jnp.abs(values).max(axis=1, keepdims=True))
            peak = jnp.where(peak > 0, peak, 1)
            values, log_scale = values / peak, log_scale + jnp.log(peak).sum((0, 1))
        return Scores((self.output[...] @ values[0]).T, log_scale)

    def __call__(self, images: Num[Array | np.ndarray, "batch ..."]) -> Num[Array, "batch classes"]:
        """Logits (batch, classes)."""
        return logits(self.scores(images))


def _join(
    cores: Float[Array, "nodes g a b"], one: Float[Array, "nodes a batch"], two: Float[Array, "nodes b batch"]
) -> Float[Array, "nodes g batch"]:
    nodes, g, a, b = cores.shape
    half = jnp.matmul(cores.reshape(nodes, g * a, b), two).reshape(nodes, g, a, -1)
    return (half * one[:, None]).sum(2)
