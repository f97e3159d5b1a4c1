"""The Flax view of a ConvAC: images -> features -> class scores, over the same banks as every other view.

    images --[representation]-- (batch, sites, M) --[conv_0]-- pool -- .. --[output]-- scores (batch, classes)

A bank is one `nnx.Param`. With the residual start its first row, the constant channel, is no Param but a `Pinned`
Variable beside it, joined on by `params()`: moved together at all N nodes it enters as (1 + d)^N. Stands on the
architectures and contract.engines; used by the training loop and the model files. Source: TRAINING, recipe 2.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import core, lax
from jaxtyping import Array, Num

from tnsim import banks as bank_checks
from tnsim.architectures.convac import Banks, ConvACArchitecture, constant_row
from tnsim.architectures.layered import SHARINGS
from tnsim.contract.engines import run
from tnsim.contract.scores import Scores
from tnsim.nn.patches import Patches
from tnsim.nn.representation import Representation
from tnsim.nn.tensor_network import TensorNetwork, checked_features

__all__ = ["STARTS", "ConvAC", "Pinned"]

STARTS = ("residual", "random")
SYMMETRIC = (
    "sharing: every level is shared 'full' and a site is a single pixel, so the scores are symmetric under exchanges "
    "of subtrees: a mirrored image scores exactly as the image. Share 'window' or 'none', or use Patches"
)


class Pinned(nnx.Variable):
    """Numbers that belong to a bank and are never trained: the rows of the constant channel."""


class ConvAC(TensorNetwork):
    """A ConvAC as a Flax module: `module(images)` gives logits (batch, classes).

    arch: any ConvACArchitecture. representation: what makes features of images; None where features (batch, sites, M)
    come in. rngs: draws the start, from its stream "params". start: "residual", which trains at thousands of sites and
    pins the constant channel, or "random"; by default "residual" if feature 0 of the representation is the constant.
    With representation=None and "residual", feature 0 must be 1: it is the caller's to see to. params: banks to hold
    instead of a start, as `from_params`.

    Raises ValueError where rngs and params are both missing or both given, the representation does not fit, "residual"
    finds no constant feature 0 or fewer than 2 features or channels, or the banks do not fit. Warns (UserWarning) where
    the sharing makes the scores symmetric.
    """

    ASKED: ClassVar = ("network", "init", "grid", "features", "sharing")  # it scores by itself

    def __init__(
        self,
        arch: ConvACArchitecture,
        representation: Representation | Patches | None = None,
        *,
        rngs: nnx.Rngs | None = None,
        start: str | None = None,
        params: Mapping[str, Any] | None = None,
        dtype: Any = jnp.float32,
    ) -> None:
        check_fit(arch, representation)
        super().__init__(arch, representation, rngs=rngs, start=start, params=params, dtype=dtype)

    @classmethod
    def from_params(
        cls,
        arch: ConvACArchitecture,
        params: Mapping[str, Any],
        representation: Representation | Patches | None = None,
        pinned: bool = False,
    ) -> ConvAC:
        """The module of given banks {"conv_0": (copies, r_0, M), .., "output": (classes, r_{L-1})}.

        pinned: keep row 0 of every bank out of training. Raises ValueError where the banks do not fit, or row 0 of a
        bank to pin is not (1, 0, .., 0).
        """
        module = cls(arch, representation, params=params)
        if pinned:
            module._hold(params, "residual")
        return module

    def _start(self, start: str | None) -> str | None:
        return _checked_start(start, self.arch, self.representation)

    def _hold(self, params: Mapping[str, Any], start: str | None) -> None:
        """Take banks as Params; with the residual start, their rows 0 apart."""
        bank_checks.check(self.arch.network, params)
        arrays = {name: jnp.asarray(bank) for name, bank in params.items()}
        rows = {name: bank[:, :1] for name, bank in arrays.items() if start == "residual" and name != "output"}
        for name, row in rows.items():
            _check_constant(name, row)
        below = {name: bank[:, 1:] if name in rows else bank for name, bank in arrays.items()}
        self.banks = nnx.Dict({name: nnx.Param(below[name]) for name in self.arch.network.bank_shapes})
        self.constants = nnx.Dict({name: Pinned(row) for name, row in rows.items()})

    @property
    def pinned(self) -> bool:
        """Whether the constant channel is kept out of training."""
        return len(self.constants) > 0

    def params(self) -> Banks:
        """The banks {"conv_0": (copies, r_0, M), .., "output": (classes, r_{L-1})}, in this order: these very arrays,
        with the pinned rows joined on, which pass no gradient."""
        return {name: self._bank(name) for name in self.arch.network.bank_shapes}

    def _bank(self, name: str) -> Num[Array, "..."]:
        bank = self.banks[name][...]
        if name not in self.constants:
            return bank
        row = lax.stop_gradient(self.constants[name][...]).astype(bank.dtype)
        return jnp.concatenate([row, bank], axis=-2)

    def scores(self, images: Num[Array | np.ndarray, "batch ..."]) -> Scores:
        """Class scores h = value * exp(log_scale) of images, or of features where there is no representation.

        Raises ValueError where they do not fit the architecture. Source: THEORY sections 1 and 8.
        """
        return run("tnsim", self.arch.network, self.params(), self.features(images))


def check_fit(arch: ConvACArchitecture, representation: Representation | Patches | None) -> None:
    """Raises ValueError for a representation of another number of features; warns of symmetric scores."""
    checked_features(arch, representation)
    if isinstance(representation, Representation) and set(arch.sharing) == {SHARINGS[-1]} and arch.size > 1:
        warnings.warn(SYMMETRIC, UserWarning, stacklevel=3)


def _checked_start(
    start: str | None, arch: ConvACArchitecture, representation: Representation | Patches | None
) -> str:
    constant = representation is not None and representation.constant
    if start is None:
        return "residual" if constant else "random"
    if start not in STARTS:
        raise ValueError(f"start: wanted one of {STARTS}, found {start!r}")
    if start == "residual" and representation is not None and not constant:
        raise ValueError(
            "start: 'residual' needs the constant 1 as feature 0, "
            f"found {type(representation).__name__} without it; use start='random'"
        )
    return start


def _check_constant(name: str, row: Num[Array, "copies 1 r_in"]) -> None:
    wanted = constant_row((row.shape[0], 1, row.shape[-1]), row.dtype)
    if not isinstance(row, core.Tracer) and not np.array_equal(row, wanted):
        raise ValueError(f"params[{name!r}]: wanted the constant row (1, 0, .., 0) as row 0 to pin, found others")
