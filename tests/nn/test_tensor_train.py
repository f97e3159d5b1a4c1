"""Layers whose matrix is a tensor train or ring: their forward is the dense one, and TT-SVD is as it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tnsim.nn import TensorRingLinear, TensorTrainLinear

SHAPES = [((2, 3, 2), (3, 2, 2), 3), ((4, 3), (2, 5), (2,)), ((5,), (3,), ())]


def product_of_matrices(layer):
    """W by its definition, entry by entry."""
    cores = [np.asarray(core[...]) for core in layer.cores]
    W = np.zeros((*layer.out_shape, *layer.in_shape))
    for y in np.ndindex(*layer.out_shape):
        for x in np.ndindex(*layer.in_shape):
            chain = [core[:, a, b] for core, a, b in zip(cores, y, x, strict=True)]
            W[(*y, *x)] = np.trace(chain[0] if len(chain) == 1 else np.linalg.multi_dot(chain))
    return W.reshape(np.prod(layer.out_shape), -1)


@pytest.mark.parametrize(("in_shape", "out_shape", "rank"), SHAPES)
@pytest.mark.parametrize("kind", [TensorTrainLinear, TensorRingLinear])
def test_forward_is_the_dense_layer(kind, in_shape, out_shape, rank):
    rank = rank if kind is TensorTrainLinear or isinstance(rank, int) else (*rank, 2)
    layer = kind(in_shape, out_shape, rank, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.arange(float(np.prod(out_shape)))
    W, x = product_of_matrices(layer), np.random.default_rng(0).normal(size=(2, 4, np.prod(in_shape)))
    assert np.abs(np.asarray(layer.matrix()) - W).max() < 1e-6
    assert np.abs(np.asarray(layer(jnp.asarray(x, jnp.float32))) - (x @ W.T + np.asarray(layer.bias[...]))).max() < 1e-5
    assert layer.parameters == sum(leaf.size for leaf in jax.tree.leaves(nnx.state(layer, nnx.Param)))


def test_a_matrix_comes_back_from_enough_rank_and_its_error_is_exact_from_less():
    W = np.random.default_rng(1).normal(size=(12, 12)).astype(np.float32)
    whole = TensorTrainLinear.from_matrix(W, (2, 3, 2), (3, 2, 2), 36)
    assert whole.error < 1e-5
    assert whole.layer.ranks == (1, 6, 4, 1)
    less = TensorTrainLinear.from_matrix(W, (2, 3, 2), (3, 2, 2), 3, bias=np.ones(12, np.float32))
    assert less.error == pytest.approx(np.linalg.norm(product_of_matrices(less.layer) - W), rel=1e-5)
    assert 0.1 < less.error <= less.bound * (1 + 1e-5)
    assert np.asarray(less.layer(jnp.zeros((1, 12)))) == pytest.approx(1)


def test_the_start_has_the_variance_of_a_dense_layer():
    for kind in (TensorTrainLinear, TensorRingLinear):
        W = np.asarray(kind((8, 8), (8, 8), 6, rngs=nnx.Rngs(0)).matrix())
        assert 0.5 < W.var() * 64 < 2


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: TensorTrainLinear((2, 2), (2,), 2, rngs=nnx.Rngs(0)), "in_shape, out_shape: wanted as many"),
        (lambda: TensorTrainLinear((2, 2), (2, 2), (2, 2), rngs=nnx.Rngs(0)), "rank: wanted a positive integer"),
        (lambda: TensorTrainLinear((2, 2), (2, 2), 2, rngs=nnx.Rngs(0))(jnp.zeros((1, 5))), "x: wanted 4 numbers last"),
        (lambda: TensorTrainLinear.from_matrix(np.zeros((4, 5)), (2, 2), (2, 2), 2), r"W: wanted shape \(4, 4\)"),
        (lambda: TensorRingLinear.from_matrix(np.zeros((4, 4)), (2, 2), (2, 2), 2), "found a ring"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(make, told):
    with pytest.raises(ValueError, match=told):
        make()
