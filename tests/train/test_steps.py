"""A training step takes its state's memory for the new one."""

import re

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import tnsim
from tnsim.nn import ConvAC, Fourier
from tnsim.train.config import TrainConfig
from tnsim.train.steps import Labelled, run_steps, start


def test_the_state_is_given_away_whole():
    arch = tnsim.ConvAC(sites=(2, 2), features=3, channels=(4,), windows=(2,), classes=3)
    config = TrainConfig(steps=4, batch=2, validation_fraction=0)
    graph, state = start(ConvAC(arch, Fourier(), rngs=nnx.Rngs(0)), config, 4)
    train = Labelled(jnp.asarray(np.random.default_rng(0).random((4, 2, 2), dtype=np.float32)), jnp.arange(4) % 3)
    program = run_steps.lower(graph, config, state, train, 0, 2).compile()
    header = program.as_text().split("\n", 1)[0]
    given = [leaf for leaf in jax.tree.leaves(state) if leaf.size > 0]
    # Each number of the state is written where it was read: none of the state is held twice.
    assert len(re.findall(r"\{\d+\}: \(\d+, \{\}, (?:may|must)-alias\)", header)) == len(given)
    after, _ = program(state, train, 0, 2)
    assert all(leaf.is_deleted() for leaf in given)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((after, train)))
