"""How to train: a frozen value, checked when made. Uses losses and penalties; used by the steps, loop and recipes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf, isfinite
from typing import Any

import optax

from tnsim.train.losses import named
from tnsim.train.penalties import Penalty, described

__all__ = ["SCHEDULES", "TrainConfig"]

SCHEDULES = ("cosine", "constant")
LAST_RATE = 0.01  # of the peak, where the cosine ends
DEFAULT_EPOCHS = 20


@dataclass(frozen=True)
class TrainConfig:
    """AdamW on mini-batches, as TRAINING's recipe has it.

    steps or epochs: how long; 20 epochs where neither is given. batch: images a step, at most all; what is left over
    of an epoch, less than a batch, waits for the next epoch's order. rate: the peak, reached after the fraction
    `warmup` of all steps; then "cosine" to 1 % of it, or "constant". decay: AdamW's weight decay. clip: the largest
    norm of all gradients together. loss: "softmax" or "born". smoothing: of labels. shift: random moves of the images,
    in pixels. flip: mirror every other image, left and right. site_dropout: the fraction of sites that a step leaves
    out, each put at its mean (of modules whose scores take `dropped`). seed: order of the images and shifts.
    evaluate_every: steps between records of the history (and looks at the validation images), by default an epoch.
    checkpoint_every: steps between checkpoints. validation_fraction: of
    the training images, stratified, which choose the best step and are not trained on; 0 keeps the last step.
    penalty: a term of every step's loss that looks at the module itself, such as `renyi_penalty`; the history's
    training loss has it, evaluations do not.

    Raises ValueError that names the argument.
    """

    steps: int | None = None
    epochs: int | None = None
    batch: int = 100
    rate: float = 1e-2
    decay: float = 1e-4
    warmup: float = 0.05
    schedule: str = "cosine"
    clip: float = 1.0
    loss: str = "softmax"
    smoothing: float = 0.0
    shift: int = 0
    flip: bool = False
    site_dropout: float = 0.0
    seed: int = 0
    evaluate_every: int | None = None
    checkpoint_every: int = 200
    validation_fraction: float = 0.1
    penalty: Penalty | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise ValueError(f"steps, epochs: wanted one of them, found {self.steps} and {self.epochs}")
        if self.steps is None and self.epochs is None:
            object.__setattr__(self, "epochs", DEFAULT_EPOCHS)
        _check_counts(self)
        for name in ("rate", "clip"):
            _above_zero(name, getattr(self, name))
        _from_zero("decay", self.decay)
        for name in ("warmup", "smoothing", "site_dropout", "validation_fraction"):
            _from_zero(name, getattr(self, name), below=1)
        if not isinstance(self.flip, bool):
            raise ValueError(f"flip: wanted True or False, found {self.flip!r}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule: wanted one of {SCHEDULES}, found {self.schedule!r}")
        named(self.loss)
        _check_hashable(self.penalty)

    def steps_of(self, images: int) -> tuple[int, int]:
        """(steps in all, steps an epoch) on so many training images."""
        per_epoch = max(1, images // self.batch)
        return self.steps or per_epoch * (self.epochs or 0), per_epoch

    def optimiser(self, steps: int) -> optax.GradientTransformation:
        """Clipping by global norm, then AdamW with this schedule over so many steps."""
        warm = int(self.warmup * steps + 0.5)
        up = optax.linear_schedule(self.rate / (warm + 1), self.rate, warm) if warm else None
        after = optax.constant_schedule(self.rate)
        if self.schedule == "cosine":
            after = optax.cosine_decay_schedule(self.rate, max(1, steps - warm - 1), LAST_RATE)
        rate = optax.join_schedules([up, after], [warm]) if up else after
        return optax.chain(optax.clip_by_global_norm(self.clip), optax.adamw(rate, weight_decay=self.decay))

    def to_json(self) -> dict[str, Any]:
        """Every argument by name. Raises ValueError for a penalty without a `to_json()` of its own."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return told if self.penalty is None else {**told, "penalty": described(self.penalty)}


def _check_counts(config: TrainConfig) -> None:
    for name in ("steps", "epochs", "evaluate_every"):
        if getattr(config, name) is not None:
            _whole(name, getattr(config, name), 1)
    for name, least in (("batch", 1), ("checkpoint_every", 1), ("shift", 0), ("seed", 0)):
        _whole(name, getattr(config, name), least)
    if config.seed >= 2**32:
        raise ValueError(f"seed: wanted an integer below 2^32, found {config.seed}")


def _check_hashable(penalty: Any) -> None:
    try:
        hash(penalty)
    except TypeError as error:
        raise ValueError(f"penalty: wanted a hashable value, found {type(penalty).__name__}") from error


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: wanted an integer >= {least}, found {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _above_zero(name: str, value: Any) -> None:
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name}: wanted a number above 0, found {value!r}")


def _from_zero(name: str, value: Any, below: float = inf) -> None:
    if not _is_number(value) or not 0 <= value < below:
        raise ValueError(f"{name}: wanted a number from 0{'' if below == inf else f', below {below}'}, found {value!r}")
