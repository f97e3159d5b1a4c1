"""Checkpoints: all that a training run is at one step, in one file. Uses tensor_file and steps; used by the loop.

    Snapshot  --[ save: whole or not at all ]-->  file  --[ load: same config, model and data, or refused ]-->  Snapshot

A run that goes on from its snapshot ends with bitwise the numbers of the run left alone: order and shifts of the images
follow from seed and step, so no generator state is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from tnsim.tensor_file import TensorFileError, Tensors, read, write
from tnsim.train.config import TrainConfig
from tnsim.train.data import Dataset
from tnsim.train.steps import Evaluation, TrainState

__all__ = ["NONE_PENDING", "Best", "CheckpointError", "Record", "Snapshot", "identity", "load", "path_of", "save"]

FORMAT = "tnsim-checkpoint/1"
FILE = "checkpoint.safetensors"
NONE_PENDING = (0.0, 0, 0, 0)


class CheckpointError(ValueError):
    """A checkpoint that cannot be read or written, or was made by another run: names what differs."""


class Record(NamedTuple):
    """One line of the history: training since the last one, on images as shifted, and the look at validation images."""

    step: int
    loss: float
    train_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Best(NamedTuple):
    """The step whose validation accuracy was highest (of equals, the lowest loss), with copies of its variables."""

    step: int
    validation: Evaluation
    params: Any
    rest: Any


class Snapshot(NamedTuple):
    """A run at one step. pending: what belongs to the next record; (sum of losses, of steps, right answers, images)."""

    step: int
    state: TrainState
    history: tuple[Record, ...] = ()
    pending: tuple[float, int, int, int] = NONE_PENDING
    best: Best | None = None


def path_of(checkpoint: str | Path) -> Path:
    """The file of a checkpoint: itself where it ends in .safetensors, else checkpoint.safetensors in that folder."""
    path = Path(checkpoint).expanduser()
    return path if path.suffix == ".safetensors" and not path.is_dir() else path / FILE


def identity(model: nnx.Module, config: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """What must be equal for a run to go on: {"config.rate": .., "model.architecture..": .., "data..": ..}."""
    facts: dict[str, Any] = {"config": config.to_json(), "model": _described(model)}
    parts = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(np.ascontiguousarray(part).data)
    facts["data"] = {"name": dataset.name, "shapes": [list(part.shape) for part in parts], "digest": digest.hexdigest()}
    return _flat(facts)


def _described(model: nnx.Module) -> dict[str, Any]:
    """The module's class, hyper-parameters where it tells them, and the shapes and types of all its variables."""
    leaves = _named_leaves(nnx.state(model))
    described: dict[str, Any] = {"class": type(model).__name__}
    for name in ("arch", "representation"):
        if hasattr(getattr(model, name, None), "to_json"):
            described[name] = getattr(model, name).to_json()
    described["variables"] = {name: f"{leaf.dtype}{list(leaf.shape)}" for name, leaf in leaves.items()}
    return described


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: _plain(value)}
    return flat


def _plain(value: Any) -> Any:
    """As JSON gives it back: tuples are lists."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def save(path: Path, snapshot: Snapshot, facts: Mapping[str, Any]) -> None:
    """Write the snapshot atomically. Raises CheckpointError where the place cannot be written."""
    metadata: dict[str, Any] = {"identity": dict(facts), "step": snapshot.step, "pending": snapshot.pending}
    metadata["history"] = snapshot.history
    metadata["best"] = None if snapshot.best is None else (snapshot.best.step, snapshot.best.validation)
    tensors = {name: _host(leaf) for name, leaf in _named_leaves(_variables(snapshot)).items()}
    try:
        write(path, FORMAT, tensors, metadata)
    except TensorFileError as error:
        raise CheckpointError(str(error)) from error


def load(path: Path, template: TrainState, facts: Mapping[str, Any]) -> Snapshot:
    """The snapshot of a file, its variables shaped as the template's.

    Raises CheckpointError for a file that is truncated or no checkpoint, and for one whose config, model or data
    differ from `facts`, naming each difference.
    """
    try:
        tensors, metadata = read(path, FORMAT)
    except TensorFileError as error:
        raise CheckpointError(str(error)) from error
    _check_same(path, metadata.get("identity", {}), facts)
    try:
        return _snapshot(template, tensors, metadata)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: wanted a whole {FORMAT} file, found {error!r} in it") from error


def _snapshot(template: TrainState, tensors: Tensors, metadata: Mapping[str, Any]) -> Snapshot:
    history = tuple(Record(*line) for line in metadata["history"])
    chosen = metadata["best"]
    best = None if chosen is None else Best(chosen[0], Evaluation(*chosen[1]), template.params, template.rest)
    loss, steps, right, images = metadata["pending"]
    empty = Snapshot(metadata["step"], template, history, (loss, steps, right, images), best)
    filled = _filled(_variables(empty), tensors)
    if best is not None:
        best = best._replace(params=filled["best"][0], rest=filled["best"][1])
    return empty._replace(state=filled["state"], best=best)


def _variables(snapshot: Snapshot) -> dict[str, Any]:
    best = snapshot.best
    return {"state": snapshot.state} | ({} if best is None else {"best": (best.params, best.rest)})


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _named_leaves(tree: Any) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _host(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _filled(tree: Any, tensors: Tensors) -> Any:
    """The tree with its leaves from the tensors of their names, of the same shapes and types."""

    def one(path: tuple[Any, ...], leaf: Any) -> Any:
        tensor, like = tensors[_name(path)], _host(leaf)
        if tensor.shape != like.shape or tensor.dtype != like.dtype:
            raise ValueError(f"{_name(path)}: {tensor.dtype}{tensor.shape}, not {like.dtype}{like.shape}")
        array = jnp.array(tensor)
        return jax.random.wrap_key_data(array, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else array

    return jax.tree_util.tree_map_with_path(one, tree)


def _check_same(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    differ = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    if differ:
        each = "; ".join(f"{name}: {found.get(name)!r} there, {wanted.get(name)!r} asked for" for name in differ[:5])
        more = f"; and {len(differ) - 5} more" if len(differ) > 5 else ""
        raise CheckpointError(
            f"{path}: made by a run that differs in {each}{more}. "
            "Ask for the same, name another checkpoint, or start anew with resume=False"
        )
