"""The training loop: what it learns, that it repeats itself, and that stopping it costs nothing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import tnsim
from tnsim.nn import ConvAC, Fourier
from tnsim.train import checkpoint as checkpoints
from tnsim.train import loop
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, load
from tnsim.train.loop import DivergedError, Interrupted, accuracy, evaluate, fit
from tnsim.train.steps import Labelled, run_steps, start

ARCH = tnsim.ConvAC(sites=(4, 4), features=3, channels=(4, 5), windows=(2, 2), classes=3)
CONFIG = TrainConfig(steps=30, batch=10, shift=1, evaluate_every=7, checkpoint_every=4, validation_fraction=0.2)


def dataset(train=60, test=30, seed=0):
    """Bars: class 0 lights rows 0-1, class 1 columns 0-1, class 2 both; with noise."""
    rng = np.random.default_rng(seed)

    def part(count):
        labels = (np.arange(count) % 3).astype(np.int32)
        images = 0.3 * rng.random((count, 4, 4), dtype=np.float32)
        images[labels != 1, :2] += 0.5
        images[labels != 0, :, :2] += 0.2
        return images, labels

    return Dataset("bars", *part(train), *part(test), ("rows", "columns", "both"))


DATA = dataset()


def made(arch=ARCH):
    return ConvAC(arch, Fourier(), rngs=nnx.Rngs(0))


def numbers(model):
    """Every array of a module, by name."""
    leaves = jax.tree_util.tree_leaves_with_path(nnx.state(model))
    plain = lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x  # noqa: E731
    return {jax.tree_util.keystr(path): np.asarray(plain(leaf)) for path, leaf in leaves}


def assert_bitwise(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name].tobytes() == wanted[name].tobytes(), name


class Dense(nnx.Module):
    """A user's own module: dropout and batch statistics, logits only."""

    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.hidden = nnx.Linear(16, 8, rngs=rngs)
        self.drop = nnx.Dropout(0.2, rngs=rngs)
        self.out = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, images):
        x = self.norm(images.reshape(images.shape[0], 16))
        return self.out(self.drop(jax.nn.relu(self.hidden(x))))


# Learning.


@pytest.mark.parametrize("loss", ["softmax", "born"])
def test_a_convac_learns(loss):
    model = made()
    result = fit(model, DATA, TrainConfig(steps=300, batch=20, loss=loss))
    assert result.test.accuracy == accuracy(model, DATA.test_images, DATA.test_labels, loss)
    assert result.test.accuracy >= 0.9
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_any_module_that_gives_logits_learns():
    model = Dense(nnx.Rngs(0))
    before = numbers(model)
    result = fit(model, DATA, TrainConfig(steps=200, batch=20))
    assert result.test.accuracy >= 0.9
    changed = {name for name, array in numbers(model).items() if (array != before[name]).any()}
    assert any("mean" in name for name in changed)  # batch statistics moved, and so did the dropout's stream
    assert any("count" in name for name in changed)


def test_the_constant_row_stays():
    model = made()
    fit(model, DATA, replace(CONFIG, decay=0.1))
    for name in ("conv_0", "conv_1"):
        row = np.asarray(model.params()[name][:, 0])
        assert (row == np.eye(row.shape[-1])[0]).all()


def test_a_step_is_a_step_of_optax():
    """One chunk on the device against a plain loop over the documented order, schedule and shifts."""
    config = TrainConfig(steps=5, batch=60, warmup=0.0, schedule="constant", validation_fraction=0)
    model, optimiser = made(), optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-2, weight_decay=1e-4))
    images, labels = jnp.asarray(DATA.train_images), jnp.asarray(DATA.train_labels)
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    inner = optimiser.init(params)
    for _ in range(5):
        gradient = jax.grad(
            lambda p: optax.softmax_cross_entropy_with_integer_labels(nnx.merge(graph, p, rest)(images), labels).mean()
        )(params)
        changes, inner = optimiser.update(gradient, inner, params)
        params = optax.apply_updates(params, changes)
    fit(model, DATA, config)
    for name, wanted in nnx.to_pure_dict(params)["banks"].items():
        np.testing.assert_allclose(model.banks[name][...], wanted, rtol=1e-3, atol=1e-5)


def test_every_image_is_seen_once_an_epoch_in_a_new_order():
    seen = []

    class Spy(nnx.Module):
        def __init__(self):
            self.bias = nnx.Param(jnp.zeros(60))

        def __call__(self, images):
            jax.debug.callback(lambda x: seen.append(np.asarray(x)[:, 0, 0].astype(int).tolist()), images)
            return images[:, 0] * 0 + self.bias[...][None, :4]

    config = TrainConfig(epochs=2, batch=20)
    marked = jnp.broadcast_to(jnp.arange(60.0)[:, None, None], (60, 4, 4))
    graph, state = start(Spy(), config, 6)
    for first in (0, 3):
        state, sums = run_steps(graph, config, state, Labelled(marked, jnp.zeros(60, jnp.int32)), first, first + 3)
        assert int(sums.images) == 60
    jax.effects_barrier()
    jax.block_until_ready(state)
    assert len(seen) == 6
    assert sorted(image for batch in seen for image in batch) == sorted([*range(60)] * 2)
    assert set(map(tuple, seen[:3])) != set(map(tuple, seen[3:]))


def test_steps_are_compiled_once_and_move_nothing_to_the_host():
    graph, state = start(made(), CONFIG, 30)
    train = Labelled(jnp.asarray(DATA.train_images), jnp.asarray(DATA.train_labels))
    state, _ = run_steps(graph, CONFIG, state, train, jnp.int32(0), jnp.int32(1))
    compiled = run_steps._cache_size()
    places = jnp.int32(1), jnp.int32(5)
    with jax.transfer_guard("disallow"):
        run_steps(graph, CONFIG, state, train, *places)
    assert run_steps._cache_size() == compiled


def test_the_schedule_warms_up_and_ends_at_a_hundredth():
    def changes(config, steps):
        optimiser = config.optimiser(steps)
        state, sizes = optimiser.init(jnp.zeros(1)), []
        for _ in range(steps):
            change, state = optimiser.update(jnp.full(1, 1e-3), state, jnp.zeros(1))
            sizes.append(float(-change[0]))
        return np.array(sizes)

    cosine = changes(TrainConfig(steps=100, rate=0.5, warmup=0.05), 100)
    np.testing.assert_allclose(cosine[5], 0.5, rtol=1e-3)  # Adam's step under a constant gradient is the rate
    np.testing.assert_allclose(cosine[0], 0.5 / 6, rtol=1e-3)
    np.testing.assert_allclose(cosine[-1], 0.005, rtol=1e-2)
    constant = changes(TrainConfig(steps=10, rate=0.5, warmup=0.0, schedule="constant"), 10)
    np.testing.assert_allclose(constant, 0.5, rtol=1e-3)


# Validation and history.


def test_the_best_step_on_the_validation_part_is_kept():
    result = fit(made(), DATA, CONFIG)
    by_step = {line["step"]: (line["validation_accuracy"], -line["validation_loss"]) for line in result.history}
    assert [*by_step] == [7, 14, 21, 28, 30]
    assert by_step[result.best_step] == max(by_step.values())
    assert (result.validation.accuracy, -result.validation.loss) == max(by_step.values())


def test_the_best_model_is_a_real_copy(tmp_path, monkeypatch):
    """The state after the best step would be lost with the buffers that later steps consume."""
    scripted = iter([0.5, 0.9, 0.1, 0.2, 0.3])
    real = loop.evaluate_state
    monkeypatch.setattr(loop, "evaluate_state", lambda *a: real(*a)._replace(accuracy=next(scripted)))
    best = made()
    assert fit(best, DATA, CONFIG, checkpoint=tmp_path).best_step == 14
    graph, state = start(made(), CONFIG, 30)
    kept, _ = checkpoints_parts()
    for first in range(0, 14):
        state, _ = run_steps(graph, CONFIG, state, kept, first, first + 1)
    for name, bank in nnx.to_pure_dict(state.params)["banks"].items():
        np.testing.assert_array_equal(best.banks[name][...], bank)


def checkpoints_parts():
    """The training and validation parts that a run makes."""
    run, _ = loop._prepare(made(), DATA, CONFIG, None)
    return run.train, run.validation


def test_the_validation_part_comes_from_the_training_images_alone():
    train, validation = checkpoints_parts()
    rows = lambda images: {image.tobytes() for image in np.asarray(images)}  # noqa: E731
    assert len(validation.labels) == 12
    assert np.bincount(validation.labels).tolist() == [4, 4, 4]
    assert rows(train.images) | rows(validation.images) == rows(DATA.train_images)
    assert not rows(train.images) & rows(validation.images)


def test_without_a_validation_part_the_last_step_is_kept():
    result = fit(made(), DATA, replace(CONFIG, validation_fraction=0))
    assert result.best_step == result.steps == 30
    assert result.validation is None
    assert result.history[-1]["validation_loss"] is None
    json.dumps(result.history)


def test_evaluation_is_the_mean_over_all_images_whatever_the_batches(monkeypatch):
    model, many = made(), dataset(train=601)
    found = evaluate(model, many.train_images, many.train_labels)
    logits = np.asarray(model(many.train_images), np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert found.accuracy == (logits.argmax(axis=1) == many.train_labels).mean()
    np.testing.assert_allclose(found.loss, -log_p[np.arange(601), many.train_labels].mean(), rtol=1e-5)


# Again, and on from anywhere.


def test_the_same_seed_gives_the_same_numbers_and_another_others():
    one, two, other = made(), made(), made()
    first, second = fit(one, DATA, CONFIG), fit(two, DATA, CONFIG)
    fit(other, DATA, replace(CONFIG, seed=1))
    assert_bitwise(numbers(one), numbers(two))
    assert first.history == second.history
    assert (one.params()["conv_0"] != other.params()["conv_0"]).any()


def interrupt_after(monkeypatch, chunks):
    """Let the keyboard speak up in the middle of a run."""
    left, real = iter(range(chunks)), loop.run_steps

    def run(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "run_steps", run)


@pytest.mark.parametrize("chunks", [0, 1, 3, 8])
@pytest.mark.parametrize("make", [made, lambda: Dense(nnx.Rngs(0))], ids=["convac", "dense"])
def test_ctrl_c_leaves_a_whole_checkpoint_from_which_the_run_ends_the_same(tmp_path, monkeypatch, chunks, make):
    alone, model = make(), make()
    wanted = fit(alone, DATA, CONFIG, checkpoint=tmp_path / "alone")
    with monkeypatch.context() as patch:
        interrupt_after(patch, chunks)
        with pytest.raises(Interrupted, match=r"stopped after step \d+ of 30; .*checkpoint.safetensors holds step \d+"):
            fit(model, DATA, CONFIG, checkpoint=tmp_path / "run")
    assert_bitwise(numbers(model), numbers(make()))  # untouched until the end
    found = fit(model, DATA, CONFIG, checkpoint=tmp_path / "run")
    assert_bitwise(numbers(model), numbers(alone))
    assert replace(found, seconds=0) == replace(wanted, seconds=0)


def test_ctrl_c_without_a_checkpoint_says_so(monkeypatch):
    interrupt_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt, match="nothing was kept: give checkpoint="):
        fit(made(), DATA, CONFIG)


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    first, again = made(), made()
    wanted = fit(first, DATA, CONFIG, checkpoint=tmp_path)
    interrupt_after(monkeypatch, 0)
    found = fit(again, DATA, CONFIG, checkpoint=tmp_path)
    assert replace(found, seconds=0) == replace(wanted, seconds=0)
    assert_bitwise(numbers(again), numbers(first))


def test_resume_false_starts_anew(tmp_path):
    fit(made(), DATA, CONFIG, checkpoint=tmp_path)
    result = fit(made(), DATA, replace(CONFIG, rate=0.02), checkpoint=tmp_path, resume=False)
    assert result.steps == 30


DRIVER = """
import sys
from flax import nnx
import tnsim
from tnsim.nn import ConvAC, Fourier
from tnsim.train.config import TrainConfig
from tnsim.train.data import load
from tnsim.train.loop import fit

arch = tnsim.ConvAC(sites=(8, 8), features=3, channels=(3, 4, 5), windows=(2, 2, 2), classes=10)
config = TrainConfig(steps=1200, batch=20, shift=1, evaluate_every=50, checkpoint_every=20)
model = ConvAC.from_params(arch, tnsim_params(arch), Fourier(), pinned=True)
print("ready", flush=True)
fit(model, load(sys.argv[2]), config, checkpoint=sys.argv[1], progress=False)
"""
START = """
import numpy as np


def tnsim_params(arch):
    rng, banks = np.random.default_rng(0), {}
    for name, shape in arch.network.bank_shapes.items():
        banks[name] = (0.1 * rng.standard_normal(shape)).astype(np.float32)
        if name != "output":
            banks[name][..., 0] += 1
            banks[name][:, 0] = np.eye(shape[-1])[0]
    return banks

"""


def driven(script, checkpoint, cache):
    """A process that trains, once it says that it is about to begin."""
    roots = [str(Path(tnsim.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    setting = {"PYTHONPATH": os.pathsep.join(roots), "JAX_COMPILATION_CACHE_DIR": str(cache)}
    setting["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    command = [sys.executable, str(script), str(checkpoint), str(script.with_name("digits.npz"))]
    process = subprocess.Popen(command, env=os.environ | setting, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def kill_at_a_random_moment(process, file, dice):
    """SIGKILL some checkpoints after the start, or before the first."""
    left, stamp = dice.randrange(5), file.stat().st_mtime_ns if file.exists() else 0
    while left and process.poll() is None:
        now = file.stat().st_mtime_ns if file.exists() else 0
        left, stamp = left - (now != stamp), now
        time.sleep(0.0005)
    time.sleep(dice.uniform(0, 0.03))
    process.send_signal(signal.SIGKILL)
    with process.stdout:
        return process.wait()


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_ends_bitwise_as_the_run_left_alone(tmp_path):
    script, cache = tmp_path / "driver.py", tmp_path / "cache"
    script.write_text(START + DRIVER)
    digits = load("digits")
    np.savez(tmp_path / "digits.npz", x=digits.train_images[:400], y=digits.train_labels[:400])
    alone = driven(script, tmp_path / "alone", cache)
    with alone.stdout:
        assert alone.wait() == 0
    dice, file = random.Random(1704), tmp_path / "run" / checkpoints.FILE
    for _ in range(10):
        assert kill_at_a_random_moment(driven(script, file.parent, cache), file, dice) == -signal.SIGKILL
    last = driven(script, file.parent, cache)
    with last.stdout:
        assert last.wait() == 0
    tensors, metadata = checkpoints.read(file, checkpoints.FORMAT)
    wanted, wanted_metadata = checkpoints.read(tmp_path / "alone" / checkpoints.FILE, checkpoints.FORMAT)
    assert metadata == wanted_metadata
    assert metadata["step"] == 1200
    assert_bitwise(tensors, wanted)


# Errors.


def test_a_loss_that_leaves_the_numbers_stops_the_run(tmp_path):
    model = made()
    broken = {name: np.array(bank) for name, bank in model.params().items()}
    broken["output"][0, 0] = np.nan
    with pytest.raises(DivergedError, match=r"loss: became nan between steps 0 and 4; lower rate=0.01"):
        fit(ConvAC.from_params(ARCH, broken, Fourier(), pinned=True), DATA, CONFIG, checkpoint=tmp_path)


def test_a_model_of_fewer_classes_is_refused():
    two = tnsim.ConvAC(sites=(4, 4), features=3, channels=(4, 5), windows=(2, 2), classes=2)
    with pytest.raises(ValueError, match="model: wanted the 3 classes of bars, found 2"):
        fit(made(two), DATA, CONFIG)


def test_a_model_of_other_images_is_refused():
    wide = tnsim.ConvAC(sites=(8, 8), features=3, channels=(4, 5, 5), windows=(2, 2, 2), classes=3)
    with pytest.raises(ValueError, match=r"images: wanted \(8, 8\) sites, found \(4, 4\)"):
        fit(made(wide), DATA, CONFIG)


def test_evaluation_needs_as_many_labels_as_images():
    with pytest.raises(ValueError, match="images, labels: wanted as many, at least one, found 30 and 29"):
        evaluate(made(), DATA.test_images, DATA.test_labels[1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1, "epochs": 1}, "steps, epochs: wanted one of them, found 1 and 1"),
        ({"steps": 0}, "steps: wanted an integer >= 1, found 0"),
        ({"epochs": -1}, "epochs: wanted an integer >= 1, found -1"),
        ({"batch": 0}, "batch: wanted an integer >= 1, found 0"),
        ({"rate": 0.0}, "rate: wanted a number above 0, found 0.0"),
        ({"rate": float("nan")}, "rate: wanted a number above 0, found nan"),
        ({"decay": -1.0}, "decay: wanted a number from 0, found -1.0"),
        ({"warmup": 1.0}, "warmup: wanted a number from 0, below 1, found 1.0"),
        ({"schedule": "step"}, r"schedule: wanted one of \('cosine', 'constant'\), found 'step'"),
        ({"clip": 0.0}, "clip: wanted a number above 0, found 0.0"),
        ({"loss": "hinge"}, r"loss: wanted one of \['born', 'softmax'\], found 'hinge'"),
        ({"smoothing": 1.0}, "smoothing: wanted a number from 0, below 1, found 1.0"),
        ({"shift": -1}, "shift: wanted an integer >= 0, found -1"),
        ({"seed": -1}, "seed: wanted an integer >= 0, found -1"),
        ({"seed": 2**32}, r"seed: wanted an integer below 2\^32, found 4294967296"),
        ({"evaluate_every": 0}, "evaluate_every: wanted an integer >= 1, found 0"),
        ({"checkpoint_every": 0}, "checkpoint_every: wanted an integer >= 1, found 0"),
        ({"validation_fraction": 1.0}, "validation_fraction: wanted a number from 0, below 1, found 1.0"),
    ],
)
def test_a_config_that_cannot_be_names_the_argument(options, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**options)
