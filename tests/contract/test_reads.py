"""Windows that share what they read: the same scores however they are computed, and what has no meaning is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from architectures.networks import reading

import tnsim
from tnsim.contract.execution import Execution
from tnsim.memory import MemoryLimitError

ARCH = tnsim.OverlappingConvAC((2, 3), 2, (3, 2), (2, (1, 2)), classes=2)
RNG = np.random.default_rng(0)
BANKS = {name: RNG.normal(size=shape) for name, shape in ARCH.network.bank_shapes.items()}
FEATURES = RNG.normal(size=(7, 6, 2))
WANTED = np.array([reading(ARCH, BANKS, sample) for sample in FEATURES])


def plain(scores):
    return np.asarray(scores.value) * np.exp(np.asarray(scores.log_scale))[:, None]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"memory": 4000},  # some samples at a time
        {"execution": Execution(precision="highest", accumulate="compensated", remat=True, blocks=1)},
        {"execution": Execution(layout="batch-last", memory=4000)},
    ],
    ids=str,
)
def test_memory_and_execution_change_no_score(how):
    last = "execution" in how and how["execution"].layout == "batch-last"
    with jax.enable_x64(True):
        given = jnp.asarray(FEATURES.transpose(1, 2, 0) if last else FEATURES)
        found = plain(ARCH.apply(BANKS, given, **how))
    np.testing.assert_allclose(found, WANTED, rtol=1e-9)


def test_bfloat16_rounds_what_it_says():
    found = plain(ARCH.apply(BANKS, FEATURES.astype(np.float32), execution=Execution(compute="bfloat16")))
    error = np.abs(found - WANTED).max() / np.abs(WANTED).max()
    assert 1e-6 < error < 0.1


def test_what_has_no_meaning_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"engine: wanted 'tnsim', found 'tensornetwork': windows read a site twice"):
        ARCH.apply(BANKS, FEATURES, engine="tensornetwork")
    with pytest.raises(ValueError, match=r"execution: wanted neither mesh nor blocks.*blocks=2"):
        ARCH.apply(BANKS, FEATURES, execution=Execution(blocks=2))
    with pytest.raises(ValueError, match="execution: wanted neither mesh nor blocks"):
        ARCH.apply(BANKS, FEATURES, execution=Execution(mesh=jax.sharding.Mesh(np.array(jax.devices()[:1]), "data")))
    with pytest.raises(MemoryLimitError, match="sample by sample"):
        ARCH.apply(BANKS, FEATURES, memory=100)
