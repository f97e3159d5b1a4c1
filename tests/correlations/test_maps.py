"""Maps hold what is measured one by one, say which sites vary, and go to JSON whole."""

import json

import numpy as np
import oracle
import pytest

from tnsim.correlations import (
    Resampling,
    correlation_by_distance,
    correlations,
    data_entropy,
    data_map,
    data_population,
    data_tensor,
    surrogate_entanglement,
)
from tnsim.partitions import windows

GRID = (4, 4)


def drawn(m=40, constant=()):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(m, 4, 4)).cumsum(axis=2).reshape(m, 16)
    values[:, list(constant)] = 0.3
    tensor = data_tensor(np.stack([np.cos(0.3 * values), np.sin(0.3 * values)], -1), rng.choice([-1.0, 1.0], m), GRID)
    return values, tensor


def test_rows_are_what_is_measured_one_by_one():
    values, tensor = drawn()
    rho = correlations(values).rho
    found = data_map(tensor, data_entropy, rho)
    assert [row.partition for row in found.rows] == [*(f"window:0:{j}" for j in range(4)), "chess:1", "chess:2"]
    for row in found.rows:
        one = data_entropy(tensor, row.partition)
        assert (row.value, row.lower, row.upper) == (float(one), one.lower, one.upper)
        assert row.surrogate == pytest.approx(surrogate_entanglement(rho, tensor.mask(row.partition)))
    assert found.values("window:0").tolist() == [row.value for row in found.rows[:4]]
    means = found.scales()
    assert list(means) == ["window:0", "chess:1", "chess:2"]
    assert means["window:0"][0] == pytest.approx(np.mean([row.value for row in found.rows[:4]]))
    assert [row.sites for row in found.rows] == [mask.sum() for mask in windows(tensor.arch, 0)] + [8, 8]
    with pytest.raises(ValueError, match="family: wanted one of window:0, chess:1, chess:2, found 'window:7'"):
        found.values("window:7")


def test_windows_of_constant_sites_hold_nothing():
    _, tensor = drawn(constant=(0, 1, 4, 5))
    found = data_map(tensor, data_entropy, chess=False).rows[0]
    assert (found.varying, found.value, found.lower, found.upper, found.surrogate) == (0, 0, 0, 0, None)
    assert tensor.constant == (0, 1, 4, 5)


def test_json_has_every_number_and_no_infinity():
    _, tensor = drawn()
    measure = lambda tensor, A: data_population(tensor, A, 1, resampling=Resampling(0.9))  # noqa: E731
    found = data_map(tensor, measure)
    again = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert again["confidence"] == 0.9
    assert again["unit"] == "nats"
    assert [row["partition"] for row in again["rows"]] == [row.partition for row in found.rows]
    assert [row["lower"] for row in again["rows"]] == [row.lower for row in found.rows]


@pytest.mark.parametrize("grid", [(16,), (4, 4), (2, 8)])
def test_distances_are_means_over_pairs(grid):
    values, _ = drawn(constant=(3,))
    rho = correlations(values).rho
    found = correlation_by_distance(rho, grid)
    pairs = [(i, j) for i in range(16) for j in range(i) if 3 not in (i, j)]
    far = np.array([round(oracle.distance(grid, i, j)) for i, j in pairs])
    sizes = np.array([rho[i, j] for i, j in pairs])
    assert found.distance.tolist() == sorted(set(far.tolist()))
    for d, mean, deviation, count in zip(*found, strict=True):
        assert mean == pytest.approx(sizes[far == d].mean())
        assert deviation == pytest.approx(sizes[far == d].std(), abs=1e-7)
        assert count == (far == d).sum()
    with pytest.raises(ValueError, match="grid: wanted one or two sides of 16 sites"):
        correlation_by_distance(rho, (3, 5))
