"""States of JAX cores, chains and trees: compiled, batched and with gradients, the same numbers as in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tnsim.canonical import (
    added,
    amplitudes,
    binary_wiring,
    chain_wiring,
    compressed,
    correlators,
    dense,
    entropies,
    entropy,
    expectation,
    fidelity,
    fitted,
    gauged,
    log_likelihood,
    log_norm,
    mutual_information,
    network_of,
    normalised,
    orthogonalised,
    overlap,
    random_state,
    reduced_density_matrix,
    sample,
    scaled,
    schmidt,
    set_spectrum,
    vidal,
    wiring,
)  # fmt: skip
from tnsim.canonical.state import namespace
from tnsim.physics import descended, energy_and_variance, ground_state, ising

Z, X = np.diag([1.0, -1.0]), np.array([[0, 1.0], [1.0, 0]])
ROWS = np.array([[0, 1, 0, 1], [1, 1, 0, 0]])

TREES = {
    "chain": chain_wiring(4),
    "binary": binary_wiring(4),
    "bonds": wiring([(0, 1, 2), (0, ~3, ~1), (~2, 1), (2, ~0)]),  # three bonds meet in a core without a site
}


def score(*parts):
    """Arrays of any shapes as one number, which no two entries share alike."""
    flat = [part.real.reshape(-1) + 0.3 * part.imag.reshape(-1) for part in parts]
    return sum((part * np.cos(np.arange(part.size))).sum() for part in flat)


def shifted(state):
    """Another state of the same wiring."""
    return state.with_cores([core[..., ::-1] + 0.1 for core in state.cores])


def gauge_of(state):
    width = state.bond_dims[1]
    return {1: np.eye(width) + 0.3 * np.eye(width, k=1)}


def expected(state):
    """A number that all cores are in, and no gauge."""
    return score(expectation(state, {1: Z, 2: X, 3: Z}))


def in_full(state, found):
    """value * exp(log_scale): each alone has no gradient, the scale being a constant of it."""
    return found.value * namespace(state).exp(found.log_scale)


OPERATIONS = {
    "orthogonalised": lambda s: expected(t := orthogonalised(s, 1)) + t.log_scale,
    "moved": lambda s: score(orthogonalised(orthogonalised(s, 1), 2).cores[2] ** 2),
    "compressed": lambda s: score((cut := compressed(s, 2)).discarded, cut.fidelity, dense(cut.state) ** 2),
    "gauged": lambda s: expected(gauged(s, gauge_of(s))),
    "vidal": lambda s: score(*(form := vidal(s)).lambdas) + form.log_norm + score(dense(form.state()) ** 2),
    "fidelity": lambda s: fidelity(s, shifted(s)),
    "added": lambda s: expected(added(s, scaled(shifted(s), 0.7))),
    "normalised": lambda s: score(dense(normalised(s)) ** 2),
    "expectation": expected,
    "correlators": lambda s: score(correlators(s, Z, X)),
    "reduced_density_matrix": lambda s: score(reduced_density_matrix(s, [3, 1])),
    "entropy": lambda s: entropy(s, [0, 2], 0.5),
    "set_spectrum": lambda s: score((found := set_spectrum(s, [0, 3])).values) + found.log_norm,
    "mutual_information": lambda s: mutual_information(s, [0], [3]),
    "entropies": lambda s: score(entropies(s)),
    "schmidt": lambda s: score((t := schmidt(s, 1)).values) + t.log_norm + t.renyi(0.5) + t.effective_rank,
    "schmidt at a centre": lambda s: schmidt(orthogonalised(s, 0), 1).entropy() + score(entropies(orthogonalised(s))),
    "amplitudes": lambda s: score(in_full(s, amplitudes(s, ROWS))),
    "log_likelihood": lambda s: log_likelihood(s, ROWS).sum(),
    "overlap": lambda s: score(in_full(s, overlap(s, shifted(s)))) + log_norm(s),
}  # fmt: skip
QUICK = (
    "compressed", "vidal", "correlators", "reduced_density_matrix", "entropy", "mutual_information", "entropies",
    "schmidt", "expectation", "log_likelihood",
)  # fmt: skip


def states(name):
    """Two of one wiring, complex on the last."""
    kind = np.complex128 if name == "bonds" else np.float64
    return [random_state(TREES[name], (2,) * 4, 3, np.random.default_rng(seed), kind) for seed in range(2)]


def stacked(some):
    return jax.tree.map(lambda *x: jnp.stack(x), *some)


def along(state, way, s):
    return state.with_cores([core + s * step for core, step in zip(state.cores, way, strict=True)])


def every_operation_on_every_tree():
    """Some of them on one tree are quick tests, the others slow ones: each is a program to compile."""
    trees = list(TREES)
    quick = {(operation, trees[number % 3]) for number, operation in enumerate(QUICK)}
    for operation in OPERATIONS:
        for tree in TREES:
            yield pytest.param(operation, tree, marks=[] if (operation, tree) in quick else pytest.mark.slow)


@pytest.mark.parametrize(("operation", "tree"), list(every_operation_on_every_tree()))
def test_traced_measures_are_those_of_numpy(operation, tree):
    """Compiled over a batch with its gradients, which are central differences of NumPy's own values."""
    measure, some = OPERATIONS[operation], states(tree)
    with jax.enable_x64(True):
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(measure)))(stacked(some))
    for row, state in enumerate(some):
        assert values[row] == pytest.approx(measure(state), abs=1e-10)
        rng = np.random.default_rng(row)
        way = [rng.normal(size=core.shape) for core in state.cores]
        found = sum((np.asarray(g[row]) * step).real.sum() for g, step in zip(slopes.cores, way, strict=True))
        ends = [measure(along(state, way, s)) for s in (-1e-5, 1e-5)]
        assert found == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-5, abs=1e-6)


def test_what_is_compiled_returns_spectra_and_forms_in_its_own_precision():
    state = states("binary")[0]
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), state)
    spectrum, form, S = jax.jit(lambda s: (schmidt(s, 1), vidal(s), entropies(s, 2)))(single)
    assert {spectrum.values.dtype, S.dtype, *(core.dtype for core in form.gammas)} == {jnp.float32.dtype}
    wanted = schmidt(state, 1)
    assert np.allclose(spectrum.values, wanted.values, atol=1e-5)
    assert (spectrum.entropy(), spectrum.rank()) == (pytest.approx(wanted.entropy(), abs=1e-5), wanted.rank())
    assert form.wiring == state.wiring
    assert fidelity(form.state(), single) == pytest.approx(1, abs=1e-5)


def test_values_that_are_zero_are_left_in_vidals_form():
    """A bond of 3 where the state needs 1: no shape depends on that in a trace."""
    rng = np.random.default_rng(0)
    product = random_state(TREES["chain"], (2,) * 4, 1, rng)
    state = added(added(product, scaled(product, 0.5)), product)
    with jax.enable_x64(True):
        form = jax.jit(vidal)(jax.tree.map(jnp.asarray, state))
        again = np.asarray(dense(form.state()))
    assert [len(values) for values in form.lambdas] == [2, 3, 2]
    assert all(np.array_equal(np.asarray(values) > 0, np.arange(len(values)) < 1) for values in form.lambdas)
    assert np.allclose(again, dense(state), atol=1e-12)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s: sample(s, jax.random.key(0), 3), "state: sample wants its numbers, .* found a traced state"),
        (lambda s: network_of(s), "state: network_of wants its numbers"),
        (lambda s: compressed(s, tolerance=1e-3).discarded, "tolerance: wanted 0 under jit, grad and vmap, .* width"),
        (lambda s: fitted(s, ROWS), "state: fitted wants its numbers"),
        (lambda s: descended(ising(4), s), "state: descended wants its numbers"),
        (lambda s: ground_state(ising(4), start=s), "state: ground_state wants its numbers"),
        (lambda s: energy_and_variance(ising(4), s), "state: energy_and_variance wants its numbers"),
    ],
)
def test_what_no_trace_can_hold_says_so(act, words):
    with pytest.raises(ValueError, match=words):
        jax.jit(act)(jax.tree.map(jnp.asarray, states("chain")[0]))
