"""The training loop: chunks of steps, looks at validation images, checkpoints, and the best model kept.

    fit:  step 0 --[chunk]-- record --[chunk]-- checkpoint --[chunk]-- .. --[best or last step into the model]-- test

The best step is chosen on a validation part of the *training* images; test images are looked at once, after the end.
Uses steps and checkpoint; used by the recipes' callers and the command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tnsim.nn.normalised import Normalised
from tnsim.train import checkpoint as checkpoints
from tnsim.train.checkpoint import NONE_PENDING, Best, Record, Snapshot
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset, stratified_split
from tnsim.train.interrupts import ctrl_c_between_chunks
from tnsim.train.penalties import check_penalty
from tnsim.train.steps import (
    Evaluation,
    Labelled,
    TrainState,
    accuracy,
    evaluate,
    evaluate_state,
    evaluation_graph,
    run_steps,
    scores_of,
    start,
)

__all__ = ["DivergedError", "Evaluation", "Interrupted", "TrainResult", "accuracy", "evaluate", "fit"]

LONGEST_CHUNK = 100  # steps between looks at the keyboard

Watch = Callable[[int, nnx.Module], None]  # (step, a copy of the module in evaluation mode)


class DivergedError(ArithmeticError):
    """The loss is no finite number any more."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during training; the message says where the run can go on."""


@dataclass(frozen=True)
class TrainResult:
    """What a run reached.

    history: a Record an evaluation, as plain values by name. best_step: whose variables the model holds now, the last
    where there was no validation part. validation: at that step. test: looked at once, after the end. seconds: of this
    call.
    """

    history: list[dict[str, Any]]
    steps: int
    best_step: int
    validation: Evaluation | None
    test: Evaluation
    seconds: float


class _Run(NamedTuple):
    """What stays the same through a run; `file` and `facts` are its checkpoint's."""

    config: TrainConfig
    graph: Any
    looks: Any
    train: Labelled
    validation: Labelled | None
    file: Path | None
    facts: dict[str, Any]
    watch: Watch | None

    @property
    def steps(self) -> int:
        return self.config.steps_of(len(self.train.labels))[0]


def fit(
    model: nnx.Module,
    dataset: Dataset,
    config: TrainConfig | None = None,
    *,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: bool = True,
    watch: Watch | None = None,
) -> TrainResult:
    """Train a module in place; any nnx module with `.scores(images)`, or whose call gives logits (batch, classes).

    checkpoint: a file (.safetensors) or a folder, written at the start, every `checkpoint_every` steps and at the end;
    with `resume`, a run found there goes on and ends bitwise as if never stopped. progress: a bar on a terminal.
    watch: called with (step, a copy of the module as it is then, in evaluation mode) at every record of the history
    that this call adds: not again for those that a resumed run brings along.
    The model changes only at the end, when it gets the variables of the best step on the validation part, or of the
    last without one. The same seed gives the same numbers on the same machine.

    Raises ValueError where model and data do not fit, CheckpointError for a checkpoint of another run, truncated or
    foreign, DivergedError, and Interrupted (a KeyboardInterrupt) on Ctrl-C.
    """
    begun, config = time.perf_counter(), config or TrainConfig()
    _check_fit(model, dataset, config)
    run, snapshot = _prepare(model, dataset, config, checkpoint, watch)
    if run.file is not None:
        if resume and run.file.exists():
            snapshot = checkpoints.load(run.file, snapshot.state, run.facts)
        else:
            checkpoints.save(run.file, snapshot, run.facts)
    with _bar(run.steps, progress) as show:
        snapshot = _until_end(run, snapshot, show)
    best = snapshot.best or Best(snapshot.step, Evaluation(0.0, 0.0), snapshot.state.params, snapshot.state.rest)
    nnx.update(model, *jax.tree.map(jnp.copy, (best.params, best.rest)))
    test = evaluate(model, dataset.test_images, dataset.test_labels, config.loss)
    seen = snapshot.best and snapshot.best.validation
    history = [record._asdict() for record in snapshot.history]
    return TrainResult(history, snapshot.step, best.step, seen, test, time.perf_counter() - begun)


def _check_fit(model: nnx.Module, dataset: Dataset, config: TrainConfig) -> None:
    """Raises ValueError where the module does not take images, dropout or penalty, or has fewer classes than they."""
    if config.site_dropout and not isinstance(model, Normalised):
        raise ValueError(
            f"site_dropout: wanted a module whose scores take `dropped` (NormalisedConvAC, ConvNet), found "
            f"{type(model).__name__}"
        )
    graph, state = nnx.split(model)
    images = jax.ShapeDtypeStruct((1, *dataset.image_shape), jnp.float32)
    scores = jax.eval_shape(lambda held, x: scores_of(nnx.merge(graph, held, copy=True), x), state, images)
    if scores.value.shape[-1] < len(dataset.classes):
        raise ValueError(
            f"model: wanted the {len(dataset.classes)} classes of {dataset.name}, found {scores.value.shape[-1]}"
        )
    if config.penalty is not None:
        check_penalty(config.penalty, model, dataset.image_shape)


def _prepare(
    model: nnx.Module, dataset: Dataset, config: TrainConfig, checkpoint: str | Path | None, watch: Watch | None = None
) -> tuple[_Run, Snapshot]:
    """The run, its data on the device, and its state before step 0."""
    images, labels = jnp.asarray(dataset.train_images), jnp.asarray(dataset.train_labels)
    train, validation = Labelled(images, labels), None
    if config.validation_fraction:
        kept, held = stratified_split(dataset.train_labels, config.validation_fraction, config.seed)
        train, validation = _part(train, kept), _part(train, held)
    steps, _ = config.steps_of(len(train.labels))
    graph, state = start(model, config, steps)
    file = None if checkpoint is None else checkpoints.path_of(checkpoint)
    facts = {} if file is None else checkpoints.identity(model, config, dataset)
    return _Run(config, graph, evaluation_graph(model), train, validation, file, facts, watch), Snapshot(0, state)


def _part(whole: Labelled, chosen: Any) -> Labelled:
    places: Int[Array, "part"] = jnp.asarray(chosen)
    return Labelled(whole.images[places], whole.labels[places])


def _until_end(run: _Run, snapshot: Snapshot, show: Any) -> Snapshot:
    """Chunk by chunk to the last step, with records and checkpoints on the way."""
    reached = saved = snapshot.step
    try:
        with ctrl_c_between_chunks() as stop_if_asked:
            show(snapshot)
            while snapshot.step < run.steps:
                snapshot = _recorded(run, _chunk(run, snapshot))
                reached = snapshot.step
                if run.file is not None and (reached % run.config.checkpoint_every == 0 or reached == run.steps):
                    checkpoints.save(run.file, snapshot, run.facts)
                    saved = reached
                show(snapshot)
                stop_if_asked()
    except KeyboardInterrupt as stop:
        raise Interrupted(_farewell(run, reached, saved)) from stop
    return snapshot


def _farewell(run: _Run, reached: int, saved: int) -> str:
    if run.file is None:
        return f"stopped after step {reached} of {run.steps}; nothing was kept: give checkpoint= to be able to go on"
    return (
        f"stopped after step {reached} of {run.steps}; {run.file} holds step {saved}: "
        "the same call with the same checkpoint goes on from there"
    )


def _chunk(run: _Run, snapshot: Snapshot) -> Snapshot:
    """Steps up to the next one where something happens; that follows from the step alone, so resumed runs sum alike."""
    step = snapshot.step
    _, per_epoch = run.config.steps_of(len(run.train.labels))
    strides = (per_epoch, run.config.evaluate_every or per_epoch, run.config.checkpoint_every, LONGEST_CHUNK)
    stop = min(run.steps, *(step - step % stride + stride for stride in strides))
    state, sums = run_steps(run.graph, run.config, snapshot.state, run.train, step, stop)
    loss, steps, right, images = snapshot.pending
    pending = (loss + float(sums.loss), steps + stop - step, right + int(sums.right), images + int(sums.images))
    if not isfinite(pending[0]):
        raise DivergedError(
            f"loss: became {pending[0]} between steps {step} and {stop}; lower rate={run.config.rate}, "
            "raise warmup, or start from 'residual'"
        )
    return snapshot._replace(step=stop, state=state, pending=pending)


def _recorded(run: _Run, snapshot: Snapshot) -> Snapshot:
    """With a record, and perhaps a new best, where one is due."""
    _, per_epoch = run.config.steps_of(len(run.train.labels))
    if snapshot.step % (run.config.evaluate_every or per_epoch) and snapshot.step != run.steps:
        return snapshot
    state, best = snapshot.state, snapshot.best
    loss, steps, right, images = snapshot.pending
    record = Record(snapshot.step, loss / steps, right / images)
    if run.validation is not None:
        seen = evaluate_state(run.looks, state.params, state.rest, run.validation, run.config.loss)
        if best is None or _rank(seen) > _rank(best.validation):
            best = Best(snapshot.step, seen, *_copies(state))
        record = record._replace(validation_loss=seen.loss, validation_accuracy=seen.accuracy)
    if run.watch is not None:
        run.watch(snapshot.step, nnx.merge(run.looks, *_copies(state)))
    return snapshot._replace(history=(*snapshot.history, record), pending=NONE_PENDING, best=best)


def _rank(seen: Evaluation) -> tuple[float, float]:
    return seen.accuracy, -seen.loss


def _copies(state: TrainState) -> tuple[Any, Any]:
    """Real copies: the state itself is consumed by the next chunk."""
    return jax.tree.map(jnp.copy, (state.params, state.rest))


@contextmanager
def _bar(steps: int, wanted: bool) -> Iterator[Any]:
    """A function that shows a snapshot: on a bar, if this is a terminal and one is wanted."""
    console = Console(stderr=True)
    if not (wanted and console.is_terminal):
        yield lambda snapshot: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("training", total=steps)
        yield lambda snapshot: bar.update(task, completed=snapshot.step, description=_described(snapshot))


def _described(snapshot: Snapshot) -> str:
    if not snapshot.history:
        return "training"
    last = snapshot.history[-1]
    seen = "" if last.validation_accuracy is None else f", validation {100 * last.validation_accuracy:.1f} %"
    return f"loss {last.loss:.3f}, training {100 * last.train_accuracy:.1f} %{seen}"
