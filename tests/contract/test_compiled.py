"""Compiled beforehand: the same scores, no second compilation, and another process finds what this one compiled."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import tnsim
from tnsim.contract.compiled import cache_from_environment, compilation_cache, compiled
from tnsim.contract.scores import scores

ARCH = tnsim.ConvAC(sites=8, features=2, channels=(3, 2, 3), windows=(2, 2, 2), classes=2, sharing="window")


def test_a_compiled_network_gives_its_scores_and_compiles_nothing():
    ready = compiled(ARCH.network, 5)
    banks, features = ARCH.init(jax.random.key(0)), np.random.default_rng(0).normal(size=(5, 8, 2)).astype("f4")
    before, compilations = scores._cache_size(), []
    listener = lambda event, seconds, **_: compilations.append(event) if "compile" in event else None  # noqa: E731
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        found = ready(banks, features)
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    assert compilations == []
    assert scores._cache_size() == before
    for mine, wanted in zip(found, scores(ARCH.network, banks, features), strict=True):
        np.testing.assert_array_equal(mine, wanted)
    assert (ready.batch, ready.dtype) == (5, "float32")
    assert ready.trace_seconds > 0
    assert ready.compile_seconds > 0
    with pytest.raises(TypeError):
        ready(banks, features[:4])


@pytest.mark.parametrize("dtype", ["int32", "float64"])
def test_types_that_jax_does_not_compute_in_are_refused(dtype):
    with pytest.raises(ValueError, match=f"dtype: wanted a floating or complex type .*, found {dtype}"):
        compiled(ARCH.network, 5, dtype)
    with pytest.raises(ValueError, match="batch: wanted a positive integer, found 0"):
        compiled(ARCH.network, 0)


def test_the_cache_is_off_until_it_is_asked_for(tmp_path, monkeypatch):
    before = jax.config.jax_persistent_cache_min_compile_time_secs
    monkeypatch.delenv("TNSIM_CACHE", raising=False)
    assert cache_from_environment() is None
    assert jax.config.jax_compilation_cache_dir is None
    monkeypatch.setenv("TNSIM_CACHE", str(tmp_path / "cache"))
    try:
        assert cache_from_environment() == tmp_path / "cache"
        compiled(ARCH.network, 6)
        assert list((tmp_path / "cache").iterdir())
    finally:
        assert compilation_cache(None) is None
        jax.config.update("jax_persistent_cache_min_compile_time_secs", before)
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.slow
def test_another_process_with_other_hashes_takes_the_program_from_the_cache(tmp_path):
    script, said = Path(__file__).with_name("lowered.py"), []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, str(script), str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    (first, no_hits), (second, hits) = said
    assert first == second  # the module itself is the same text
    assert int(no_hits) == 0
    assert int(hits) >= 1
