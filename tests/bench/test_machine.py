"""What a run took place on: facts that are there on any system, and rates that are rates."""

import pytest

from tnsim.bench import machine, roofline
from tnsim.bench.process import processors
from tnsim.bench.rows import least_time
from tnsim.bench.runner import Settings, environment
from tnsim.bench.schema import check
from tnsim.bench.workloads import Floor


def test_the_environment_is_a_row_and_its_name_follows_what_matters():
    facts, versions = machine.surroundings()
    assert facts["platform"] in ("cpu", "gpu", "tpu")
    assert facts["threads"] == len(processors(None))
    assert {"python", "jax", "numpy", "tensornetwork"} <= versions.keys()
    row = check(environment(facts, versions, Settings(), {"float32": 1.0}), "a row")
    same = environment(facts, versions, Settings(memory=10**6), {"float32": 2.0})  # free memory, measured rates
    other = environment({**facts, "device": "another"}, versions, Settings(), {"float32": 1.0})
    fewer = environment(facts, versions, Settings(threads=1), {"float32": 1.0})
    assert row["fingerprint"] == same["fingerprint"]
    assert len({row["fingerprint"], other["fingerprint"], fewer["fingerprint"]}) == 3


def test_rates_are_positive_and_of_known_names():
    found = roofline.rates(roofline.Sizes(32, 4096), repeats=1)
    assert set(found) == {"float32", "float64", "bandwidth", "transcendentals"}
    assert all(rate > 0 for rate in found.values())


@pytest.mark.parametrize(
    ("floor", "dtype", "bound", "seconds"),
    [
        (Floor(100.0, 1.0, 1.0), "float32", "matmul", 2.0),
        (Floor(100.0, 1.0, 1.0), "float64", "matmul", 4.0),
        (Floor(100.0, 1.0, 1.0), "complex64", "matmul", 8.0),
        (Floor(1.0, 100.0, 1.0), "float32", "bandwidth", 10.0),
        (Floor(1.0, 1.0, 100.0), "float32", "transcendentals", 100.0),
    ],
)
def test_the_least_time_is_the_largest_of_three(floor, dtype, bound, seconds):
    rates = {"float32": 100.0, "float64": 50.0, "bandwidth": 10.0, "transcendentals": 1.0}
    found = least_time(floor, rates, dtype)
    assert (found["bound"], found["seconds"]) == (bound, seconds)
    assert least_time(floor, {**rates, "bandwidth": 0.0}, dtype) is None
