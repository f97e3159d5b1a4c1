"""TensorNetwork's own contractor as an engine: the same scores, refused where dense copy tensors would not fit."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from strategies import POOL, cases, normal

import tnsim
from tnsim.contract.engines import dense_copies, largest_on_path
from tnsim.memory import MemoryLimitError

SMALL = [arch for arch in POOL if arch.size <= 6]


@given(cases(dtypes=("float64", "complex128"), archs=SMALL, scaled=False))
@settings(max_examples=6)
def test_tensornetworks_engine_gives_the_scores(case):
    x = normal(np.random.default_rng(0), (3, case.arch.size, case.arch.features), case.weights[0].dtype.name)
    with jax.enable_x64(True):
        mine = case.arch.apply(case.params, jnp.asarray(x))
        theirs = case.arch.apply(case.params, jnp.asarray(x), engine="tensornetwork")
    assert not theirs.log_scale.any()
    wanted = np.asarray(mine.value) * np.exp(np.asarray(mine.log_scale))[:, None]
    assert np.abs(np.asarray(theirs.value) - wanted).max() <= 1e-10 * np.abs(wanted).max()


@pytest.mark.parametrize("setting", ["highest", "default", None])
def test_tensornetworks_products_are_as_precise_as_jax_is_set_to(setting):
    """Its own backend asks for "default" in every product, which on recent GPUs keeps 11 bits of float32."""
    arch = tnsim.ConvAC(sites=4, features=2, channels=(3, 2), windows=(2, 2), classes=2)
    params, x = arch.init(jax.random.key(0)), jnp.ones((1, 4, 2))
    with jax.default_matmul_precision(setting):
        text = str(jax.make_jaxpr(lambda x: arch.apply(params, x, engine="tensornetwork").value)(x))
    one = f"Precision.{str(setting).upper()}"
    assert set(re.findall(r"precision=(.*)", text)) == ({f"({one}, {one})"} if setting else set())


def test_dense_copies_are_counted_by_hand():
    arch = tnsim.ConvAC(sites=(4, 4), features=2, channels=(3, 5), windows=(2, 2), classes=2)
    copies = dense_copies(arch.network)
    assert sorted(copies.values()) == [3**5] * 4 + [5**5]
    assert largest_on_path(arch.network) >= 2


def test_refused_before_memory_is_spent():
    arch = tnsim.ConvAC.shallow(sites=2048, features=2, rank=4, classes=2)  # 4^2049 numbers in one copy tensor
    params, x = arch.init(jax.random.key(0)), jnp.ones((1, 2048, 2))
    with pytest.raises(MemoryLimitError, match=r"with dense copy tensors, needs about .* Use engine='tnsim'"):
        arch.apply(params, x, engine="tensornetwork")


def test_an_unknown_engine_is_named():
    arch = tnsim.ConvAC.shallow(sites=2, features=2, rank=2, classes=2)
    with pytest.raises(ValueError, match=r"engine: wanted one of .* found 'numpy'"):
        arch.apply(arch.init(jax.random.key(0)), jnp.ones((1, 2, 2)), engine="numpy")
