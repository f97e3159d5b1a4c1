"""How scores are computed, never what they are: one frozen value, part of a compilation's key. Ground of contract.

Nothing here changes a result beyond rounding, which each field's line bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jax.sharding import Mesh

from tnsim import memory as limits

PRECISIONS = (None, "default", "high", "highest")
RESCALES = ("auto", "always")
ACCUMULATIONS = (None, "compensated")
COMPUTES = (None, "bfloat16")
LAYOUTS = ("batch-first", "batch-last")
AXES = {"data", "sites"}  # of a mesh of devices


@dataclass(frozen=True)
class Execution:
    """How scores are computed: `arch.apply(params, features, execution=tnsim.Execution(..))`.

    precision: of matrix products, "default", "high" or "highest" (JAX's names; None leaves what JAX is set to; on
    recent GPUs "default" rounds float32 operands to 11 bits, on TPUs to 8).
    compute: "bfloat16" rounds the operands of every product to 8 bits and sums in float32.
    accumulate: "compensated" carries the rounding errors of every matrix product along, as if it were summed in twice
    the precision. What either means for a score: `tnsim.contract.rounding.bound`.
    rescale: "auto" takes scales, by powers of two, where a bound on what can grow between them asks for one (of every
    vector after at most 4 factors, of matrices before that), and one at every halving of windows longer than 4;
    "always" scales every bank and every product.
    blocks: into how many subtrees a large tree is cut, swept one after the other so that each stays in the cache;
    "auto" by the backend's cost model, 1 for none.
    remat: recompute each level in the backward pass in place of keeping it; "auto" does so within blocks.
    memory: a limit in bytes or a text like "8GB", kept by splitting the batch, or "free", half of what the device has
    free when the shapes are first met; None leaves the batch whole. It counts the scores themselves, no gradient of
    them.
    mesh: devices, by the axes "data" (samples) and "sites" (subtrees).
    layout: of the features, "batch-first" (batch, sites, M) or "batch-last" (sites, M, batch), which saves a
    transposition of all of them.

    Raises ValueError, naming the field, for values that are none of these.
    """

    precision: str | None = None
    compute: str | None = None
    accumulate: str | None = None
    rescale: str = "auto"
    blocks: int | str = "auto"
    remat: bool | str = "auto"
    memory: float | str | None = None
    mesh: Mesh | None = None
    layout: str = "batch-first"

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("compute", self.compute, COMPUTES)
        _one_of("accumulate", self.accumulate, ACCUMULATIONS)
        _one_of("rescale", self.rescale, RESCALES)
        if self.blocks != "auto" and (not isinstance(self.blocks, int) or self.blocks < 1):
            raise ValueError(f"blocks: wanted 'auto' or a positive integer, found {self.blocks!r}")
        if self.memory not in (None, "free"):
            limits.limit(self.memory)
        _one_of("layout", self.layout, LAYOUTS)
        _one_of("remat", self.remat, ("auto", True, False))
        if self.compute and self.accumulate:
            raise ValueError(f"accumulate: wanted None beside compute={self.compute!r}, found {self.accumulate!r}")
        axes = set(getattr(self.mesh, "axis_names", AXES))
        if self.mesh is not None and not (isinstance(self.mesh, Mesh) and axes <= AXES):
            found = sorted(axes) if isinstance(self.mesh, Mesh) else type(self.mesh).__name__
            raise ValueError(f"mesh: wanted a Mesh over the axes 'data' and 'sites', found {found}")


def _one_of(name: str, value: Any, wanted: tuple) -> None:
    if value not in wanted:
        raise ValueError(f"{name}: wanted one of {wanted}, found {value!r}")


DEFAULT = Execution()
