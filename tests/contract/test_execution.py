"""However scores are carried out they are the same, and what rounding may do to them is known beforehand."""

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

import tnsim
from tnsim import Execution
from tnsim.contract import blocks
from tnsim.contract.footprint import footprint
from tnsim.contract.products import product
from tnsim.contract.rounding import bound
from tnsim.contract.schedule import whole
from tnsim.contract.scores import scores
from tnsim.contract.vectors import _heavy, _own_scales, scale_of
from tnsim.memory import MemoryLimitError

PLAIN = Execution(rescale="always", blocks=1)
ARCHS = {
    "1D": tnsim.ConvAC(16, 3, (3, 4, 2, 5), (2, 2, 2, 2), 3),
    "windows": tnsim.ConvAC((4, 4), 2, (3, 4, 3, 2), ((1, 2), (2, 1), (2, 1), (1, 2)), 2, sharing="window"),
    "mirror": tnsim.ConvAC((8, 8), 2, (3, 4, 2), (2, 2, 2), 2, sharing=("none", "full", "window"), geometry="mirror"),
}
BATCH = 5
WAYS = [
    Execution(), Execution(blocks=4), Execution(blocks=4, remat=False), Execution(remat=True), Execution(memory="12KB"),
    Execution(layout="batch-last", blocks=2), Execution(accumulate="compensated"), Execution(precision="highest"),
]  # fmt: skip


@cache
def drawn(name, positive=False):
    arch, rng = ARCHS[name], np.random.default_rng(7)
    normal = lambda *shape: (np.abs if positive else np.asarray)(rng.normal(size=shape)).astype(np.float32)  # noqa: E731
    params = {bank: normal(*shape) / shape[-1] ** 0.5 for bank, shape in arch.network.bank_shapes.items()}
    return params, normal(BATCH, arch.size, arch.features)


def plain_numbers(name, execution, params, features):
    if execution.layout == "batch-last":
        features = jnp.transpose(features, (1, 2, 0))
    value, log_scale = scores(ARCHS[name].network, params, features, execution)
    return value * jnp.exp(log_scale)[:, None]


@cache
def wanted(name):
    """Scores and the gradient of their sum, level by level with a scale at every product."""
    return by(name, PLAIN)


def by(name, execution):
    params, features = drawn(name)
    total = lambda params, features: (  # noqa: E731
        (h := plain_numbers(name, execution, params, features)).sum(), h)
    gradient, found = jax.grad(total, argnums=(0, 1), has_aux=True)(params, features)
    return found, gradient


@pytest.mark.parametrize("name", ["1D", "mirror"])
@pytest.mark.parametrize("execution", WAYS, ids=lambda e: ",".join(f"{k}={v}" for k, v in vars(e).items() if v))
def test_every_way_gives_the_same_scores_and_gradients(name, execution):
    for found, right in zip(jax.tree.leaves(by(name, execution)), jax.tree.leaves(wanted(name)), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-3, atol=1e-4 * np.abs(right).max())


def exact(name, positive=False):
    params, features = drawn(name, positive)
    with jax.enable_x64(True):
        wide = {bank: jnp.asarray(array, jnp.float64) for bank, array in params.items()}
        return np.asarray(plain_numbers(name, PLAIN, wide, jnp.asarray(features, jnp.float64)))


def positive_scores(name):
    """h of absolute weights and features: what rounding is relative to."""
    params, features = drawn(name)
    with jax.enable_x64(True):
        wide = {bank: jnp.asarray(abs(array), jnp.float64) for bank, array in params.items()}
        return np.asarray(plain_numbers(name, PLAIN, wide, jnp.asarray(abs(features), jnp.float64)))


@pytest.mark.parametrize("name", ["1D", "windows"])
@pytest.mark.parametrize("way", [{}, {"compute": "bfloat16"}, {"accumulate": "compensated"}], ids=str)
def test_rounding_stays_within_its_bound(name, way):
    execution = Execution(**way, precision="highest")
    error = np.abs(np.asarray(plain_numbers(name, execution, *drawn(name)), np.float64) - exact(name))
    gamma = bound(ARCHS[name].network, execution)
    assert (error <= gamma * positive_scores(name)).all()
    if way == {"compute": "bfloat16"}:  # and it is bfloat16 that ran: float32 would be a hundred times closer
        assert (error > 20 * bound(ARCHS[name].network) * 1e-2 * np.abs(exact(name))).any()


def test_bounds_are_counted_by_hand():
    u, half = 2.0**-24, 2.0**-8
    arch = tnsim.ConvAC(2, 3, (4,), (2,), 1)
    roundings = np.log1p(3 * u) * 2 + np.log1p(u) + np.log1p(4 * u)  # two matrices, one product, the output
    assert bound(arch.network) == pytest.approx(np.expm1(roundings), rel=1e-6)
    both = Execution(compute="bfloat16")
    assert bound(arch.network, both) == pytest.approx(np.expm1(roundings + 6 * np.log1p(half)), rel=1e-6)


def test_compensated_products_round_once():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2, 3, 40)).astype(np.float32)
    below = rng.normal(size=(2, 40, 5)).astype(np.float32)
    below[:, 20:] = -below[:, :20]  # they nearly cancel
    rows[:, :, 20:] = rows[:, :, :20] * (1 + np.float32(1e-5))
    right = rows.astype(np.float64) @ below.astype(np.float64)
    operands = jnp.asarray(rows), jnp.asarray(below)
    off = lambda execution: np.abs(np.asarray(product(execution)(*operands)) / right - 1).max()  # noqa: E731
    assert off(Execution(accumulate="compensated")) < 1e-6
    assert off(Execution(precision="highest")) > 1e-4


@pytest.mark.parametrize("peak", [0.0, 1.0, 1.5, 1e38, 3e38, 2e-38, 1e-42, 7.0])
def test_scales_are_powers_of_two(peak):
    factor = float(scale_of(jnp.float32(peak)))
    assert np.frexp(factor)[0] == 0.5
    if peak >= 2.0**-126:
        assert 1 <= peak * factor < (2 if peak < 2.0**127 else 4)
    else:
        assert factor == 1  # zero, and what is below the smallest normal number


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPU libraries hold workspaces of their own")
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("layout", ["batch-first", "batch-last"])
@pytest.mark.parametrize("pieces", [1, 16])
@pytest.mark.parametrize("shape", [(256, 16, 3, 64)])
def test_the_footprint_is_the_compilers(shape, pieces, layout, gradient):
    sites, width, features, batch = shape
    depth = sites.bit_length() - 1
    arch = tnsim.ConvAC(sites, features, (width,) * depth, (2,) * depth, 10)
    execution = Execution(blocks=pieces, layout=layout)
    params = jax.eval_shape(partial(arch.init, jax.random.key(0)))
    size = (batch, sites, features) if layout == "batch-first" else (sites, features, batch)
    x = jax.ShapeDtypeStruct(size, jnp.float32)
    one = lambda params, x: sum(part.sum() for part in scores(arch.network, params, x, execution))  # noqa: E731
    ran = jax.value_and_grad(one) if gradient else partial(scores, arch.network, execution=execution)
    told = jax.jit(ran).lower(params, x).compile().memory_analysis()
    measured = told.argument_size_in_bytes + told.output_size_in_bytes + told.temp_size_in_bytes
    estimate = footprint(arch.network, batch, 4, execution, gradient)
    assert measured / 1.5 <= estimate.total <= 1.5 * measured
    assert told.temp_size_in_bytes / 1.5 <= estimate.temporary <= 1.5 * told.temp_size_in_bytes


def test_a_limit_splits_the_batch_and_the_least_is_named():
    params, features = drawn("1D")
    arch = ARCHS["1D"]
    least = footprint(arch.network, BATCH, 4, Execution())
    with pytest.raises(MemoryLimitError, match=r"scores, sample by sample, needs about .* above the limit of 1 KB"):
        arch.apply(params, features, memory="1KB")
    split = arch.apply(params, features, memory=int(0.95 * least.total))
    free = arch.apply(params, features, memory="free")
    for part, right in zip(split, free, strict=True):
        np.testing.assert_allclose(part, right, rtol=1e-4)


def test_pieces_hold_every_position_once_and_their_own_rows():
    for arch in ARCHS.values():
        schedule = whole(arch.network)
        for pieces in blocks.possible(schedule):
            cut = blocks.cut(schedule, pieces)
            assert cut.pieces == pieces
            waves = zip(schedule.waves, cut.orders, cut.below.waves, cut.rows, cut.own, strict=False)
            for wave, order, below, rows, own in waves:
                assert sorted(order.ravel()) == list(range(wave.positions))
                read = [rows[piece] if own else rows[0] for piece in range(pieces)]
                np.testing.assert_array_equal(wave.rows[order], read)
                assert below.positions == order.shape[1]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"precision": "low"}, r"precision: wanted one of .* found 'low'"),
        ({"compute": "int8"}, "compute: wanted one of"),
        ({"accumulate": "float64"}, "accumulate: wanted one of"),
        ({"accumulate": "compensated", "compute": "bfloat16"}, "accumulate: wanted None beside compute='bfloat16'"),
        ({"rescale": "never"}, "rescale: wanted one of"),
        ({"blocks": 0}, "blocks: wanted 'auto' or a positive integer, found 0"),
        ({"remat": "yes"}, "remat: wanted one of"),
        ({"memory": "much"}, "memory: wanted bytes or a text like '8GB', found 'much'"),
        ({"layout": "sites"}, "layout: wanted one of"),
    ],
)
def test_what_is_no_execution_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        Execution(**fields)


def test_a_mesh_of_other_axes_is_refused():
    with pytest.raises(ValueError, match=r"mesh: .* found \['x'\]"):
        Execution(mesh=Mesh(np.array(jax.devices()[:1]), ("x",)))


@pytest.mark.slow
def test_large_sweeps_are_cut_by_themselves_and_give_the_same(monkeypatch):
    params, features = drawn("1D")
    arch = ARCHS["1D"]
    total = lambda banks, how: arch.apply(banks, features, execution=how).value.sum()  # noqa: E731
    wanted = jax.value_and_grad(total)(params, PLAIN)
    widest = max(wave.positions * (wave.dim_in + wave.dim_out) for wave in whole(arch.network).waves) * BATCH * 4
    monkeypatch.setattr(blocks, "PIECE", widest // 5)
    how, cut = Execution(rescale="always"), 4 if jax.default_backend() == "cpu" else 1
    for limits in ({"LARGE": widest - 1, "KEPT": widest - 1}, {"KEPT": widest - 1}, {}):  # both ways, gradients, none
        for name in ("LARGE", "KEPT"):
            monkeypatch.setattr(blocks, name, limits.get(name, widest))
        jax.clear_caches()
        found = [blocks.chosen(whole(arch.network), how, BATCH, 4, gradient) for gradient in (False, True)]
        assert found == [cut if name in limits else 1 for name in ("LARGE", "KEPT")]
        close = partial(np.testing.assert_allclose, rtol=1e-4)
        close(total(params, how), wanted[0])
        jax.tree.map(close, jax.value_and_grad(total)(params, how), wanted)
        jax.tree.map(close, jax.jit(jax.value_and_grad(partial(total, how=how)))(params), wanted)


def test_pictures_are_cut_later():
    long, picture = (tnsim.ConvAC(sites, 16, (16,) * d, (2,) * d, 2) for sites, d in ((4096, 12), ((64, 64), 6)))
    found = [blocks.chosen(whole(arch.network), Execution(), 64, 4, True) for arch in (long, picture)]
    assert (found[0] > 1) == (jax.default_backend() == "cpu")
    assert found[1] == 1


def test_pieces_that_divide_no_level_are_refused():
    params, features = drawn("1D")
    with pytest.raises(ValueError, match=r"pieces: wanted a divisor of one of the node counts \(2, 4, 8\), found 3"):
        ARCHS["1D"].apply(params, features, execution=Execution(blocks=3))


def test_the_oracle_takes_no_execution():
    params, features = drawn("1D")
    with pytest.raises(ValueError, match="execution: wanted nothing but memory beside engine='tensornetwork'"):
        ARCHS["1D"].apply(params, features, "tensornetwork", execution=replace(PLAIN, remat=True))


def test_a_limit_beside_a_mesh_is_refused_rather_than_forgotten():
    params, features = drawn("1D")
    devices = Execution(mesh=Mesh(np.array(jax.devices()[:1]), ("data",)))
    with pytest.raises(ValueError, match=r"memory: wanted None beside a mesh, .* found '1GB'"):
        ARCHS["1D"].apply(params, features, memory="1GB", execution=devices)


@pytest.mark.parametrize(
    ("sites", "windows", "between"), [(64, (2,) * 6, [1, 2]), ((8, 8), (2, 2, 2), [1]), (64, (8, 8), [])]
)
def test_matrices_of_any_size_are_safe_between_two_scales(sites, windows, between):
    """Some waves take the scales of their matrices alone: those may be 1e12 in one node and 1e-12 in the next."""
    width, batch = 3, 32
    arch = tnsim.ConvAC(sites, 3, (width,) * len(windows), windows, 2)
    rng = np.random.default_rng(3)
    params = {
        name: (rng.normal(size=shape) * 10 ** rng.uniform(-12, 12, (*shape[:-2], 1, 1))).astype(np.float32)
        for name, shape in arch.network.bank_shapes.items()
    }
    features = rng.normal(size=(batch, arch.size, 3)).astype(np.float32) * np.float32(1e20)
    schedule = whole(arch.network)
    own = _own_scales(schedule, params, batch, _heavy(schedule))
    assert [wave.level for wave in schedule.waves if wave not in own] == between
    with jax.enable_x64(True):
        exact = scores(arch.network, *jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), (params, features)), PLAIN)
        exact = jax.tree.map(np.asarray, exact)
    gradient = jax.jit(jax.grad(lambda x: (h := scores(arch.network, params, x)).log_scale.sum() + h.value.sum()))
    assert np.isfinite(gradient(features)).all()
    found = jax.tree.map(lambda x: np.asarray(x, np.float64), scores(arch.network, params, features))
    ratio = np.exp(found.log_scale - exact.log_scale)[:, None]
    apart = np.abs(found.value * ratio - exact.value)
    assert (apart <= 1e-3 * np.abs(exact.value).max(1, keepdims=True)).all()
