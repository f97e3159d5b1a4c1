"""The fold of any network: other operations than plus and times give what brute force over all indices gives."""

from itertools import product
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contract.hypergraphs import hypergraphs
from hypothesis import given, settings

import tnsim
from tnsim.contract.fold import Scaled, fold, stacked
from tnsim.contract.path_fold import PathAlgebra, fold_path, semiring
from tnsim.contract.plan import plan_path
from tnsim.contract.schedule import whole
from tnsim.interop.einsum import from_einsum
from tnsim.interop.terms import ALLOWED
from tnsim.memory import MemoryLimitError
from tnsim.network import build

PLAIN = semiring(np.multiply, np.sum)
BEST = semiring(np.add, np.max, element=lambda numbers: np.log(np.abs(numbers)))
THERE = semiring(np.logical_and, np.any, element=lambda numbers: np.abs(numbers) > 1, itemsize=1)
TRACED = semiring(jnp.add, jnp.max, element=lambda numbers: jnp.log(jnp.abs(numbers)))


def by_brute_force(case, element, times, plus):
    """plus of the products of all terms over all values of all indices, one configuration after the other."""
    terms, arrays, opened = case
    dims = {index: dim for term, array in zip(terms, arrays, strict=True)
            for index, dim in zip(term, array.shape, strict=True)}  # fmt: skip
    found = {}
    for numbers in product(*map(range, dims.values())):
        at = dict(zip(dims, numbers, strict=True))
        factors = [element(a[tuple(at[i] for i in term)]) for term, a in zip(terms, arrays, strict=True)]
        found.setdefault(tuple(at[i] for i in opened), []).append(times(factors))
    shape = [dims[index] for index in opened]
    return np.array([plus(found[place]) for place in np.ndindex(*shape)]).reshape(shape)


@given(hypergraphs())
@settings(max_examples=30)
def test_any_semiring_on_any_hypergraph_is_brute_force(case):
    log = lambda number: np.log(abs(number))  # noqa: E731
    ways = ((PLAIN, complex, prod, sum), (BEST, log, sum, max), (THERE, lambda x: abs(x) > 1, all, any))
    network, banks = from_einsum(case[0], *case[1], output=case[2], allow=ALLOWED)
    for algebra, *definition in ways:
        found = fold_path(algebra, network, banks)
        np.testing.assert_allclose(found, by_brute_force(case, *definition), rtol=1e-9, atol=1e-9)


def test_one_measure_by_waves_and_by_a_path():
    """The largest term of every class, over configurations and channels: on a layered tree both folds know it."""
    arch = tnsim.ConvAC((4, 4), 2, (3, 2), ((2, 2), (2, 2)), 3, sharing=("window", "none"))
    rng = np.random.default_rng(0)
    banks = {name: rng.normal(size=shape) for name, shape in arch.network.bank_shapes.items()}
    tree = stacked(lambda rows, below: (jnp.abs(rows) * below[:, None, :]).max(-1), axes=(-1,))
    with jax.enable_x64(True):
        leaves = Scaled(jnp.ones((arch.size, arch.features)), jnp.zeros(arch.size))
        root = fold(tree, whole(arch.network), banks, leaves)
    wanted = np.log((np.abs(banks["output"]) * np.asarray(root.value)).max(1)) + float(root.log_scale[0])
    closed = build(arch.network.indices, arch.network.stacks, (), arch.network.outputs)
    np.testing.assert_allclose(fold_path(BEST, closed, banks), wanted, rtol=1e-9)


def test_values_need_be_no_arrays():
    """What a path costs is a measure too: multiply-adds below every step."""
    ring = tnsim.MPS(sites=6, features=2, bond=3, boundary="periodic").network
    dims = ring.dims.tolist()
    cost = PathAlgebra(
        element=lambda view, numbers: 0,
        meet=lambda step, values: sum(values) + prod(dims[i] for i in {i for term in step.terms for i in term}),
    )
    banks = {name: np.zeros(shape) for name, shape in ring.bank_shapes.items()}
    plan = plan_path(ring)
    last = prod(dims[i] for i in ring.sites.array)  # the axes put into order
    assert fold_path(cost, ring, banks) - plan.multiply_adds in (0, last)


def test_it_is_jitted_and_differentiated_where_the_algebra_is():
    chain = tnsim.MPS(sites=5, features=2, bond=2)
    closed = build(chain.network.indices, chain.network.stacks, (), ())
    banks = chain.init(jax.random.key(0), start="random")
    best, slope = jax.jit(jax.value_and_grad(lambda given: fold_path(TRACED, closed, given)))(banks)
    weights = sum(float((bank * slope[name]).sum()) for name, bank in banks.items())
    assert float(best) == pytest.approx(float(fold_path(BEST, closed, banks)), rel=1e-5)
    assert weights == pytest.approx(closed.tensor_count, rel=1e-4)  # ln of a product of one weight a tensor


def test_what_does_not_fit_is_refused_before_it_is_made():
    chain = tnsim.MPS(sites=40, features=2, bond=2)
    banks = chain.init(jax.random.key(0))
    with pytest.raises(MemoryLimitError, match="The fold along its path"):
        fold_path(PLAIN, chain.network, banks, memory="1GB")
    with pytest.raises(ValueError, match="params: wanted the banks"):
        fold_path(PLAIN, chain.network, {})
