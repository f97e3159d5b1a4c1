"""A proposal: the widths that lose least of the data's tensor under a budget, beside what one would try otherwise.

    needs --[ losses, costs ]--> widths of least loss, square or mirror windows --> an architecture, and why
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tnsim.architectures.layered import Layered
from tnsim.design.contrast import RANKS
from tnsim.design.costs import Costs, costs
from tnsim.design.needs import Need, losses
from tnsim.design.profiles import standard
from tnsim.design.widths import Widths, width_front

__all__ = ["Alternative", "Proposal", "propose"]

NAMED = 8  # constant sites that words name
MUCH, NEAR = 0.1, 0.01  # of a level's weight: what words say it needs


@dataclass(frozen=True)
class Alternative:
    """Widths that were weighed. accuracy: of a short training, where there was one."""

    name: str
    channels: tuple[int, ...]
    cost: int
    loss: float
    geometry: str = "square"
    accuracy: float | None = None


@dataclass(frozen=True, eq=False)
class Proposal:
    """What is proposed, and what it was weighed against.

    arch: the architecture. chosen: its widths, cost and loss. alternatives: the others, the least loss first. needs: of
    the chosen geometry. front: every (cost, loss) that no cheaper widths reach. contrast: of the images that were
    looked at, black to white, in units of pi. constant: sites, row-major, at which all of them were the same.
    """

    arch: Layered
    budget: float
    kind: str
    chosen: Alternative
    alternatives: tuple[Alternative, ...]
    needs: tuple[Need, ...]
    front: tuple[Widths, ...]
    contrast: float | None = None
    constant: tuple[int, ...] = ()

    def words(self) -> str:
        """Why, in words: what each level needs, what it gets, and where the most is lost."""
        widths = self.chosen.channels
        rows = losses(self.needs, max(widths))
        lost = [float(row[width]) for row, width in zip(rows, widths, strict=True)]
        told = [_told(*level) for level in zip(self.needs, widths, lost, strict=True)]
        worst = max(range(len(lost)), key=lost.__getitem__)
        best = min(self.alternatives, key=lambda one: one.loss, default=None)
        beside = "" if best is None else f" Of the others {best.name} {best.channels} loses least, {best.loss:.3g}."
        total = f"{self.chosen.cost} of {self.budget:g} {self.kind} are used; in all {self.chosen.loss:.3g} is lost"
        seen = [] if self.contrast is None else [f"Black to white is an angle of {self.contrast:.2g} pi."]
        still = [_still(self.constant, self.arch.size)] if self.constant else []
        return "\n".join([*seen, *still, *told, f"{total}, the most at level {worst}.{beside}"])

    def to_json(self) -> dict[str, Any]:
        """The architecture as `tnsim train --architecture` reads it, with everything that was weighed."""
        return {
            "architecture": self.arch.to_json(), "budget": self.budget, "kind": self.kind, "contrast": self.contrast,
            "constant": list(self.constant), "chosen": vars(self.chosen),
            "alternatives": [vars(one) for one in self.alternatives],
            "needs": [
                {"level": need.level, "nodes": need.nodes, "entropy": need.entropy, "most": need.width(MUCH),
                 "nearly all": need.width(NEAR)}
                for need in self.needs
            ],
            "front": [[one.cost, one.loss, list(one.channels)] for one in self.front],
        }  # fmt: skip


def propose(
    arch: Layered, needs: Mapping[str, Sequence[Need]], budget: float, kind: str = "parameters"
) -> Proposal:
    """The widths, and of several geometries the one, that lose least under a budget.

    arch: all but the widths. needs: of each geometry that is weighed, "square" or "mirror", by `data_needs` on the
    architecture of that geometry. kind: of the budget, as `costs`. Raises ValueError for a budget below the smallest
    network's, naming it.
    """
    price = costs(arch, kind)
    fronts = {name: width_front(losses(found, RANKS), price, budget) for name, found in needs.items()}
    geometry = min(fronts, key=lambda name: fronts[name][-1].loss)
    best = fronts[geometry][-1]
    others = [
        Alternative("least loss", front[-1].channels, front[-1].cost, front[-1].loss, name)
        for name, front in fronts.items()
        if name != geometry
    ]
    others += _standard(price, budget, needs[geometry], geometry)
    chosen = Alternative("least loss", best.channels, best.cost, best.loss, geometry)
    given = replace(arch, channels=best.channels, geometry=None if geometry == "square" else geometry)
    ordered = tuple(sorted(others, key=lambda one: one.loss))
    return Proposal(given, budget, kind, chosen, ordered, tuple(needs[geometry]), fronts[geometry])


def _standard(price: Costs, budget: float, needs: Sequence[Need], geometry: str) -> list[Alternative]:
    """What one would try first, each with what it loses."""
    found = []
    for name, channels in standard(price, budget).items():
        rows = losses(needs, max(channels))
        loss = sum(float(row[width]) for row, width in zip(rows, channels, strict=True))
        found.append(Alternative(name, channels, price.of(channels), loss, geometry))
    return found


def _still(constant: Sequence[int], sites: int) -> str:
    named = ", ".join(map(str, constant[:NAMED])) + (", .." if len(constant) > NAMED else "")
    return f"Sites the same in all images, which correlate with nothing: {len(constant)} of {sites} ({named})."


def _told(need: Need, width: int, lost: float) -> str:
    what = f"Level {need.level}, {need.nodes} window{'s' if need.nodes > 1 else ''}, S = {need.entropy:.2f} nats:"
    most, nearly = need.width(MUCH), need.width(NEAR)
    return f"{what} 90 % of the weight need r = {most}, 99 % r = {nearly}; r = {width} loses {lost:.3g}."
