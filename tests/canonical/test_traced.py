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
    gauged,
    independent,
    log_likelihood,
    log_norm,
    mutual_information,
    network_of,
    normalised,
    orthogonalised,
    overlap,
    projected,
    random_state,
    reduced_density_matrix,
    sample,
    scaled,
    schmidt,
    set_spectrum,
    vidal,
    wiring,
)  # fmt: skip

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


OPERATIONS = {
    "orthogonalised": lambda s: expected(t := orthogonalised(s, 1)) + t.log_scale,
    "moved": lambda s: score(orthogonalised(orthogonalised(s, 1), 2).cores[2] ** 2),
    "compressed": lambda s: score((cut := compressed(s, 2)).discarded, cut.fidelity) + expected(cut.state),
    "gauged": lambda s: expected(gauged(s, gauge_of(s))),
    "vidal": lambda s: score(*(form := vidal(s)).lambdas) + form.log_norm + expected(form.state()),
    "fidelity": lambda s: fidelity(s, shifted(s)),
    "added": lambda s: expected(added(s, scaled(shifted(s), 0.7))),
    "normalised": lambda s: score(dense(normalised(s)) ** 2),
    "expectation": expected,
    "correlators": lambda s: score(correlators(s, Z, X), correlators(s, Z)),
    "reduced_density_matrix": lambda s: score(reduced_density_matrix(s, [3, 1])),
    "entropy": lambda s: entropy(s, [0, 2]) + entropy(s, [1, 2], 2) + entropy(s, [3], 0.5),
    "set_spectrum": lambda s: score((found := set_spectrum(s, [0, 3])).values) + found.log_norm,
    "mutual_information": lambda s: mutual_information(s, [0], [3]),
    "entropies": lambda s: score(entropies(s), entropies(s, 2, base=2), entropies(s, np.inf)),
    "schmidt": lambda s: score((t := schmidt(s, 1)).values) + t.log_norm + t.renyi(0.5) + t.effective_rank,
    "schmidt at a centre": lambda s: schmidt(orthogonalised(s, 0), 2).entropy() + score(entropies(orthogonalised(s))),
    "amplitudes": lambda s: score((found := amplitudes(s, ROWS)).value) + 0.1 * found.log_scale.sum(),
    "log_likelihood": lambda s: log_likelihood(s, ROWS).sum(),
    "overlap": lambda s: overlap(s, s).log_scale + log_norm(s),
}  # fmt: skip


def states(name):
    """Two of one wiring, complex on the last."""
    kind = np.complex128 if name == "bonds" else np.float64
    return [random_state(TREES[name], (2,) * 4, 3, np.random.default_rng(seed), kind) for seed in range(2)]


def stacked(some):
    return jax.tree.map(lambda *x: jnp.stack(x), *some)


def along(state, way, s):
    return state.with_cores([core + s * step for core, step in zip(state.cores, way, strict=True)])


def every_operation_on_every_tree():
    """Each operation on one tree among the quick tests, and on the others among the slow ones: each is compiled."""
    for row, operation in enumerate(OPERATIONS):
        for column, tree in enumerate(TREES):
            yield pytest.param(operation, tree, marks=[] if (row + column) % 3 == 0 else pytest.mark.slow)


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
