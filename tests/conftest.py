"""Every shape annotation of tnsim is checked while the quick tests run; rank promotion raises in all of them."""

import os

# For the processes that tests start too: float32 is what they ask for, which recent GPUs round to 11 bits unless told.
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
# Most tests spend their time on compiling, once for each drawn architecture.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import jax
import jaxtyping
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook
from threadpoolctl import threadpool_limits

# With the numeric tower an int will do where a float is annotated, as PEP 484 has it.
install_import_hook("tnsim", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

from tnsim.surroundings import crowded  # noqa: E402  (after the hook, which sees what is imported from then on)

threadpool_limits(1)  # workers side by side: BLAS threads that wait for each other cost ten times

settings.register_profile(
    "tnsim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True, max_examples=40
)  # where a test says no number: most cases compile programs of their own
settings.register_profile("ci", settings.get_profile("tnsim"), derandomize=True)  # the same cases each time
settings.load_profile("ci" if os.environ.get("CI") else "tnsim")


@pytest.fixture(autouse=True)
def no_rank_promotion():
    with jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(autouse=True)
def room_for_compiled_programs():
    """Thousands of them in one process use up its memory mappings, and XLA aborts it."""
    yield
    if crowded():
        jax.clear_caches()


@pytest.fixture(autouse=True)
def no_checks_of_types_where_slow(request, monkeypatch):
    """Thousands of cases more of what quick tests check too: there annotations would take four fifths of the time."""
    if request.node.get_closest_marker("slow"):
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
