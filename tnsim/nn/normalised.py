"""A ConvAC in the parametrisation that trains best, and the banks of the same network. Uses convac and contract.

    f --[(f - m)/s]-- u --[v = b + W u]-- pool: product over the window --[(p - m)/s]-- u .. --[b + W u]-- scores

While it trains, m and s are those of the batch, and gradients flow through them; their running averages are what
`params()` folds into plain banks: K[g, c] = W[g, c] / s[c], K[g, 0] = b[g] - sum_c K[g, c] m[c]. Channel 0, the
constant, is never trained. Source: TRAINING, recipe 2 to 5.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Num

from tnsim.architectures.convac import Banks, ConvACArchitecture, Level, folded_banks, residual_maps
from tnsim.banks import AnyArray
from tnsim.contract.engines import run
from tnsim.contract.schedule import Wave, whole
from tnsim.contract.scores import Scores
from tnsim.contract.vectors import pooled
from tnsim.nn.convac import ConvAC, check_fit
from tnsim.nn.representation import Patches, Representation
from tnsim.nn.tensor_network import checked_grid, logits

__all__ = ["LEAST", "Normalised", "NormalisedConvAC", "Running", "moments"]

Met = Callable[[str, Any, Any], tuple[Any, Any]]  # (bank, what meets it, its rows) -> (maps, constants)
LEAST = 1e-6  # added to every variance: a channel that never moves stays finite


class Running(nnx.BatchStat):
    """A moment of the values below a bank, averaged over the batches seen."""


class Normalised(nnx.Module):
    """What normalised networks share: levels of maps between centred and scaled channels, and their moments.

    A subclass says what a level does to its maps' results (`_level`). m is a number for each channel and row of the
    bank that reads it; s one for each channel, over all positions: a node that is rarely lit would otherwise be scaled
    without bound.
    """

    def __init__(
        self,
        arch: ConvACArchitecture,
        representation: Representation | Patches | None,
        levels: Mapping[str, Level],
        momentum: float,
    ) -> None:
        check_fit(arch, representation)
        if representation is not None and not representation.constant:
            found = type(representation).__name__
            raise ValueError(f"representation: wanted the constant 1 as feature 0, found {found} without it")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum: wanted a number from 0, below 1, found {momentum!r}")
        self.arch, self.representation = arch, representation
        self.momentum, self.use_running_average = momentum, True
        self.batches = Running(jnp.zeros((), jnp.float32))
        self.weights = nnx.Dict({name: nnx.Param(level.maps) for name, level in levels.items()})
        self.offsets = nnx.Dict({name: nnx.Param(level.offsets) for name, level in levels.items()})
        self.means = nnx.Dict({name: Running(level.means) for name, level in levels.items()})
        self.variances = nnx.Dict({name: Running(level.variances) for name, level in levels.items()})

    def features(self, images: Num[Array | np.ndarray, "batch ..."]) -> Num[Array, "batch sites M"]:
        """What the representation makes of images; features pass as they are. Raises ValueError for another grid."""
        if self.representation is None:
            return jnp.asarray(images)
        checked_grid(self.arch, self.representation, images.shape)
        return self.representation(images)

    def scores(
        self, images: Num[Array | np.ndarray, "batch ..."], dropped: Bool[AnyArray, "batch sites"] | None = None
    ) -> Scores:
        """Class scores of images, or of features where there is no representation.

        dropped: sites to leave out, each put at its mean over the batch. Where scores are linear in every site's
        features, that is the expectation over the site, exactly.
        """
        if not self.use_running_average:
            self.batches[...] = self.batches[...] + 1
        value = self._swept(_by_channel(self.features(images)), dropped, self._met)
        return Scores(value, jnp.zeros(len(value), value.dtype))

    def __call__(self, images: Num[Array | np.ndarray, "batch ..."]) -> Num[Array, "batch classes"]:
        """Logits (batch, classes)."""
        return logits(self.scores(images))

    @abstractmethod
    def _level(self, wave: Wave, values: Float[Array, "positions r batch"]) -> Float[Array, "nodes r batch"]:
        """What the nodes of a wave make of their positions' maps."""

    def _swept(self, values: Float[Array, "sites c batch"], dropped: Bool[AnyArray, "batch sites"] | None, met: Met):
        """Scores by banks that `met` folds, given what meets them."""
        schedule = whole(self.arch.network)
        for wave in schedule.waves:
            maps, constant = met(wave.bank, values, wave.rows)
            if dropped is not None and wave.level == 0:
                values = jnp.where(dropped.T[:, None], values.mean(-1, keepdims=True), values)
            if wave.slots is not None and len(maps) > 1:
                maps, constant = maps[wave.slots.array], constant[wave.slots.array]
            values = self._level(wave, jnp.matmul(maps, values) + constant[..., None])
        maps, constant = met(schedule.output, values, np.zeros(1, np.int32))
        return (jnp.matmul(maps[0], values[0]) + constant[0][:, None]).T

    def _met(self, name: str, values: Float[Array, "positions c batch"], rows: Int[np.ndarray, "positions"]):
        """The bank folded by the moments of what meets it; in training these move the running moments a step."""
        if self.use_running_average:
            return self._by_running(name).folded()
        means, variances = moments(values, rows, len(self.means[name][...]))
        kept = jnp.minimum(self.momentum, 1 - 1 / self.batches[...]).astype(values.dtype)  # at first a plain mean
        for running, now in ((self.means[name], means), (self.variances[name], variances)):
            running[...] = kept * running[...] + (1 - kept) * lax.stop_gradient(now)
        return self._held(name, means, variances).folded()

    def _held(self, name: str, means: Float[Array, "copies c"], variances: Float[Array, "c"]) -> Level:
        """A bank in centred variables, by these moments."""
        return Level(self.weights[name][...], self.offsets[name][...], means, variances + LEAST)

    def _by_running(self, name: str) -> Level:
        return self._held(name, self.means[name][...], self.variances[name][...])


class NormalisedConvAC(Normalised):
    """A ConvAC that is trained through centred and scaled channels: `module(images)` gives logits (batch, classes).

    arch: any architecture of at least 2 features and channels a level. representation: as of `ConvAC`, with the
    constant as feature 0; None where features come in, whose feature 0 must be 1. rngs: draws the start from its stream
    "params". momentum: of the running moments. In evaluation mode (`.eval()`, where it begins) scores are those of
    `params()`.

    Raises ValueError where the representation does not fit, has no constant, or momentum is not inside [0, 1).
    """

    def __init__(
        self,
        arch: ConvACArchitecture,
        representation: Representation | Patches | None = None,
        *,
        rngs: nnx.Rngs,
        momentum: float = 0.98,
        dtype: Any = jnp.float32,
    ) -> None:
        super().__init__(arch, representation, residual_maps(arch, rngs.params(), dtype), momentum)

    def params(self) -> Banks:
        """The banks {"conv_0": (copies, r_0, M), .., "output": (classes, r_{L-1})} of the same function, exactly."""
        return folded_banks({name: self._by_running(name) for name in self.arch.network.bank_shapes})

    def params_at(self, images: Num[Array | np.ndarray, "batch ..."]) -> Banks:
        """The banks by the moments of these images, which is how a training step scores them: gradients flow through.

        Running moments are neither used nor moved. As `params()` in the limit of many batches and no more steps.
        """
        levels: dict[str, Level] = {}

        def met(name: str, values: Float[Array, "positions c batch"], rows: Int[np.ndarray, "positions"]):
            levels[name] = self._held(name, *moments(values, rows, len(self.means[name][...])))
            return levels[name].folded()

        self._swept(_by_channel(self.features(images)), None, met)
        return folded_banks(levels)

    def folded(self) -> ConvAC:
        """The plain module of these banks, its constant channel pinned."""
        return ConvAC.from_params(self.arch, self.params(), self.representation, pinned=True)

    def scores(
        self, images: Num[Array | np.ndarray, "batch ..."], dropped: Bool[AnyArray, "batch sites"] | None = None
    ) -> Scores:
        """As of every normalised network; in evaluation mode by the engine, from `params()`."""
        if self.use_running_average and dropped is None:
            return run("tnsim", self.arch.network, self.params(), self.features(images))
        return super().scores(images, dropped)

    def _level(self, wave: Wave, values: Float[Array, "positions r batch"]) -> Float[Array, "nodes r batch"]:
        return pooled(wave, values)


def _by_channel(features: Num[Array, "batch sites M"]) -> Num[Array, "sites c batch"]:
    """Without the constant, the batch last."""
    return jnp.transpose(features, (1, 2, 0))[:, 1:]


def moments(values: Float[Array, "positions c batch"], rows: Int[np.ndarray, "positions"], copies: int):
    """Means by row of a bank, and variances over all positions."""
    means = _by_row(values.mean(-1), rows, copies)
    apart = values - (means if len(means) in (1, len(rows)) else means[rows])[..., None]
    return means, lax.square(apart).mean((0, 2))


def _by_row(values: Float[Array, "positions c"], rows: Int[np.ndarray, "positions"], copies: int):
    """The mean over the positions that read each row of a bank."""
    if copies == len(rows):
        return values
    sums = jnp.zeros((copies, values.shape[1]), values.dtype).at[rows].add(values)
    return sums / jnp.asarray(np.bincount(rows, minlength=copies)[:, None], values.dtype)
