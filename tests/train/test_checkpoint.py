"""Checkpoints: all of a run comes back bitwise, what is not that run is refused, and no half file is ever left."""

import os
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file

import tnsim
from tnsim import tensor_file
from tnsim.nn import ConvAC, Fourier, Polynomial
from tnsim.train import checkpoint
from tnsim.train.checkpoint import Best, CheckpointError, Record, Snapshot
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset
from tnsim.train.loop import fit
from tnsim.train.steps import Evaluation, start

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(3, 4), windows=(2, 2), classes=2)
CONFIG = TrainConfig(steps=6, batch=4, checkpoint_every=2)
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((20, 4, 4), dtype=np.float32), (np.arange(20) % 2).astype(np.int32)
DATA = Dataset("noise", IMAGES, LABELS, IMAGES[:6], LABELS[:6], ("even", "odd"))


class WithStreams(nnx.Module):
    """Params of two types, and a generator of random numbers."""

    def __init__(self, seed):
        self.weight = nnx.Param(jax.random.normal(jax.random.key(seed), (3, 2)))
        self.count = nnx.Param(jnp.arange(4, dtype=jnp.float16))
        self.drop = nnx.Dropout(0.5, rngs=nnx.Rngs(seed))


def made(arch=ARCH, representation=None):
    return ConvAC(arch, representation or Fourier(), rngs=nnx.Rngs(0))


def state_of(model):
    return start(model, CONFIG, 6)[1]


def plain(tree):
    """Leaves as NumPy arrays, keys as their numbers."""
    return [np.asarray(checkpoint._host(leaf)) for leaf in jax.tree.leaves(tree)]


def facts(model=None, config=CONFIG, data=DATA):
    return checkpoint.identity(model or made(), config, data)


@pytest.mark.parametrize("best", [True, False])
def test_a_snapshot_comes_back_bitwise(tmp_path, best):
    state, other = state_of(WithStreams(0)), state_of(WithStreams(1))
    history = (Record(2, 0.1 + 0.2, 0.5), Record(4, 1e-300, 1 / 3, 0.7, 0.9))
    kept = Best(2, Evaluation(1 / 3, 0.1), other.params, other.rest) if best else None
    wanted = Snapshot(4, state, history, (1 / 3, 2, 5, 8), kept)
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, wanted, facts())
    found = checkpoint.load(path, state_of(WithStreams(2)), facts())
    assert found[0] == wanted[0]
    assert found[2:4] == wanted[2:4]
    found, wanted = checkpoint._variables(found), checkpoint._variables(wanted)
    assert [a.tobytes() for a in plain(found)] == [a.tobytes() for a in plain(wanted)]
    assert jax.tree.structure(found) == jax.tree.structure(wanted)


def test_a_folder_or_a_file_may_be_named(tmp_path):
    assert checkpoint.path_of(tmp_path) == tmp_path / "checkpoint.safetensors"
    assert checkpoint.path_of(str(tmp_path / "run")) == tmp_path / "run" / "checkpoint.safetensors"
    assert checkpoint.path_of(tmp_path / "a.safetensors") == tmp_path / "a.safetensors"


def test_a_run_writes_one_file_and_no_other(tmp_path):
    fit(made(), DATA, CONFIG, checkpoint=tmp_path / "deep" / "run")
    assert [f.name for f in (tmp_path / "deep" / "run").iterdir()] == ["checkpoint.safetensors"]


# Another run's checkpoint.


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: facts(config=replace(CONFIG, rate=0.5)), r"config.rate: 0.01 there, 0.5 asked for"),
        (lambda: facts(config=replace(CONFIG, seed=3)), "config.seed: 0 there, 3 asked for"),
        (lambda: facts(made(representation=Polynomial(2))), "model.representation.kind: 'fourier' there, 'polynomial'"),
        (lambda: facts(made(replace(ARCH, channels=(3, 5)))), r"model.arch.channels: \[3, 4\] there, \[3, 5\] asked"),
        (lambda: facts(data=replace(DATA, train_images=1 - IMAGES)), "data.digest: '[0-9a-f]+' there"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path, other, message):
    path, state = tmp_path / "c.safetensors", state_of(made())
    checkpoint.save(path, Snapshot(0, state), facts())
    with pytest.raises(CheckpointError, match=rf"made by a run that differs in .*{message}.*resume=False"):
        checkpoint.load(path, state, other())


def test_fit_refuses_to_go_on_with_another_config(tmp_path):
    fit(made(), DATA, CONFIG, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match=r"config.decay: 0.0001 there, 0.5 asked for"):
        fit(made(), DATA, replace(CONFIG, decay=0.5), checkpoint=tmp_path)


# Broken files.


def written(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, Snapshot(0, state_of(made())), facts())
    return path


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path, kept):
    path = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(CheckpointError, match="wanted a whole tnsim-checkpoint/1 file, found one truncated or foreign"):
        checkpoint.load(path, state_of(made()), facts())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(RNG.bytes(5000)), "found one truncated or foreign"),
        (lambda path: path.write_text("not a checkpoint\n"), "found one truncated or foreign"),
        (lambda path: save_file({"x": np.zeros(3)}, path), "found a safetensors file of another program"),
        (lambda path: tensor_file.write(path, "tnsim-model/1", {}, {}), "found tnsim-model/1"),
        (lambda path: path.mkdir(), "found a folder"),
        (lambda path: None, "found none"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, make, message):
    path = tmp_path / "c.safetensors"
    make(path)
    with pytest.raises(CheckpointError, match=rf"wanted a (whole )?tnsim-checkpoint/1 file, {message}"):
        checkpoint.load(path, state_of(made()), facts())


def test_a_checkpoint_that_lacks_an_array_is_refused(tmp_path):
    path = written(tmp_path)
    tensors, metadata = tensor_file.read(path, checkpoint.FORMAT)
    tensors.pop(min(tensors))
    tensor_file.write(path, checkpoint.FORMAT, tensors, metadata)
    with pytest.raises(CheckpointError, match="wanted a whole tnsim-checkpoint/1 file, found KeyError"):
        checkpoint.load(path, state_of(made()), facts())


# Written whole or not at all.


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, moment, fault):
    path = written(tmp_path)
    content = path.read_bytes()

    def fail(*arguments):
        raise fault

    monkeypatch.setattr(os, moment, fail)
    with pytest.raises(KeyboardInterrupt if fault is KeyboardInterrupt else CheckpointError):
        checkpoint.save(path, Snapshot(0, state_of(made())), facts())
    assert [f.name for f in tmp_path.iterdir()] == ["c.safetensors"]
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"file/run/checkpoint.safetensors: wanted a place that can be written"):
        fit(made(), DATA, CONFIG, checkpoint=tmp_path / "file" / "run")
