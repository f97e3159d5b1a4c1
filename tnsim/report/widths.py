"""What other widths would allow, as plain JSON values, for a measurements file. Beside survey; uses bounds.

sensitivity    for every partition: what its ln(min-cut) gains where one width is raised by one, or doubled
front          ln(min-cut) against parameters: the best widths of a grid around the present ones, and these themselves

What needs too long, or too much memory, is left out and says so in a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from tnsim.architectures.layered import Layered
from tnsim.bounds.pareto import Design, pareto_front
from tnsim.bounds.sensitivity import Sensitivity, sensitivity
from tnsim.memory import MemoryLimitError

SITES = 4096  # beyond, bounds of some dozen widths are minutes
SHOWN = 12  # partitions
FACTORS = ((0.25, 0.5, 1, 2, 4), (0.5, 1, 2))  # of the present widths: the first grid that is in reach
COSTS = 8e6  # bytes, of all fronts together: the choices in them take the time, about a second at most


def allowed(arch: Layered, partitions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sensitivities and fronts of the partitions of a measurements file: {"name", "sites"} and more."""
    if arch.size > SITES:
        return {"note": f"Of more than {SITES} sites no other widths were tried."}
    some = partitions[:SHOWN]
    found = [sensitivity(arch, part["sites"]) for part in some]
    told: dict[str, Any] = {
        "sensitivity": [_sensitivity(part["name"], one) for part, one in zip(some, found, strict=True)],
        "front": _fronts(arch, some, [one.log for one in found]),
    }
    if len(partitions) > SHOWN:
        told["note"] = f"Other widths were tried for the first {SHOWN} of {len(partitions)} partitions."
    return told


def _sensitivity(name: str, found: Sensitivity) -> dict[str, Any]:
    widths = [
        {
            "level": effect.level, "width": effect.width, "fewest": effect.fewest, "most": effect.most,
            "raised": effect.raised.log, "doubled": effect.doubled.log,
        }
        for effect in found.widths
    ]  # fmt: skip
    bottlenecks, tied = list(found.bottlenecks), list(found.tied)
    return {"partition": name, "log": found.log, "bottlenecks": bottlenecks, "tied": tied, "widths": widths}


def _fronts(arch: Layered, some: Sequence[Mapping[str, Any]], logs: list[float]) -> list[dict[str, Any]]:
    """Of the sum over all partitions, where there are several; then of each."""
    cases = [([part], log) for part, log in zip(some, logs, strict=True)]
    cases = [(list(some), fsum(logs)), *cases] if len(cases) > 1 else cases
    return [_front(arch, parts, log, COSTS / len(cases)) for parts, log in cases]


def _front(arch: Layered, parts: list[Mapping[str, Any]], log: float, most: float) -> dict[str, Any]:
    own = {"channels": list(arch.channels), "parameters": arch.parameters, "log": log}
    told = {"partitions": [part["name"] for part in parts], "own": own}
    sites = [part["sites"] for part in parts]
    for factors in FACTORS:
        grid = [[max(1, int(r * factor)) for factor in factors] for r in arch.channels]
        try:
            designs = pareto_front(arch, sites, grid, combine="sum", bound="min-cut", memory=most)
        except MemoryLimitError:
            continue
        return told | {"factors": list(factors), "designs": [_design(design) for design in designs]}
    return told | {"designs": [], "note": "Too many choices of widths differ in what they allow."}


def _design(design: Design) -> dict[str, Any]:
    return {"channels": list(design.channels), "parameters": design.parameters, "log": design.log}
