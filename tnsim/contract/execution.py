"""How a contraction is carried out, never what it is: one frozen value, part of a compilation's key. Ground of contract.

Nothing here changes a result beyond rounding, which each field's line bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jax.sharding import Mesh

PRECISIONS = (None, "default", "high", "highest")
RESCALES = ("auto", "always")
ACCUMULATIONS = (None, "float64", "compensated")
COMPUTES = (None, "bfloat16")


@dataclass(frozen=True)
class Execution:
    """How scores are computed: `arch.apply(params, features, execution=tnsim.Execution(..))`.

    precision: of matrix products, "default", "high" or "highest" (JAX's names; None leaves what JAX is set to; on
    recent GPUs "default" rounds float32 operands to 11 bits, on TPUs to 8). compute: "bfloat16" rounds the operands of
    every product to 8 bits and sums in float32. accumulate: "float64" sums products in double precision,
    "compensated" adds float32 sums with their rounding errors. rescale: "auto" takes a scale where a bound on the
    values says that it is needed, "always" after every product. blocks: into how many subtrees a large tree is cut,
    swept one after the other so that each stays in the cache; "auto" by the backend's cost model, 1 for none. remat:
    recompute each level in the backward pass in place of keeping it; "auto" does so within blocks. memory: a limit in
    bytes or a text like "8GB", kept by splitting the batch; None leaves the batch whole. mesh: devices, by the axes
    "data" (samples) and "sites" (subtrees).

    Raises ValueError, naming the field, for values that are none of these.
    """

    precision: str | None = None
    compute: str | None = None
    accumulate: str | None = None
    rescale: str = "auto"
    blocks: int | str = "auto"
    remat: bool | str = "auto"
    memory: int | str | None = None
    mesh: Mesh | None = None

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("compute", self.compute, COMPUTES)
        _one_of("accumulate", self.accumulate, ACCUMULATIONS)
        _one_of("rescale", self.rescale, RESCALES)
        if self.blocks != "auto" and (not isinstance(self.blocks, int) or self.blocks < 1):
            raise ValueError(f"blocks: wanted 'auto' or a positive integer, found {self.blocks!r}")
        _one_of("remat", self.remat, ("auto", True, False))
        if self.compute and self.accumulate == "float64":
            raise ValueError("accumulate: wanted None or 'compensated' beside compute='bfloat16', found 'float64'")
        if self.mesh is not None and (not isinstance(self.mesh, Mesh) or not set(self.mesh.axis_names) <= {"data", "sites"}):
            found = getattr(self.mesh, "axis_names", type(self.mesh).__name__)
            raise ValueError(f"mesh: wanted a Mesh over the axes 'data' and 'sites', found {found}")


def _one_of(name: str, value: Any, wanted: tuple) -> None:
    if value not in wanted:
        raise ValueError(f"{name}: wanted one of {wanted}, found {value!r}")


DEFAULT = Execution()
