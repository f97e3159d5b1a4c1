"""The model that is explored: its architecture, its states, and what a page must know of it. Ground of explore.

    file --[ opened ]--> Explored     .state(label, measure), made once     .described(), JSON
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Num

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.banks import Banks
from tnsim.entanglement.state import State, state_of
from tnsim.explore.examples import Examples, examples_of
from tnsim.nn.convac import ConvAC
from tnsim.nn.representation import Representation
from tnsim.report.unlayered import is_layered
from tnsim.train.model_file import load

__all__ = ["MOST_SITES", "Explored", "names_of", "opened"]

MOST_SITES = 2**14  # each is an element of the page
FEW_WINDOWS = 16  # nodes of a level that are offered by name
Grams = dict[str, Num[np.ndarray, "..."] | None]


@dataclass(frozen=True, eq=False)
class Explored:
    """A model under its name. grams: for every measure that can be asked ("function", "uniform", "coefficient") its
    Gram matrices, the first of them the one to begin with."""

    name: str
    arch: Layered
    params: Banks
    grams: Grams
    classes: tuple[str, ...]
    examples: Examples
    _states: dict[tuple[int, str], State] = field(default_factory=dict)

    def state(self, label: int, measure: str) -> State:
        """The wave function of a class in a measure. Raises ValueError as `arch.state`."""
        if (label, measure) not in self._states:
            gram = self.grams[measure]
            kind = "coefficient" if gram is None else "function"
            made = state_of(self.arch, self.params, label, kind, gram)
            self._states[label, measure] = cast(State, made)  # another only in the measure "data"
        return self._states[label, measure]

    def described(self) -> dict[str, Any]:
        """Everything about the model that does not change, as JSON values.

        tree: for every level the positions that each node pools; widths: of the indices of level -1 (sites), 0, ..
        """
        arch = self.arch
        return {
            "model": self.name, "version": version("tnsim"), "grid": list(arch.grid), "sites": arch.size,
            "tree": [arch.groups(level).tolist() for level in range(arch.depth)],
            "widths": [arch.features, *arch.channels], "parameters": arch.parameters, "sharing": list(arch.sharing),
            "classes": list(self.classes), "measures": list(self.grams), "partitions": names_of(arch),
            "examples": self.examples.count, "examples_note": self.examples.note,
        }  # fmt: skip


def opened(path: Path) -> Explored:
    """The model of a file that `tnsim train` or `demo` wrote.

    Raises ModelFileError (a ValueError) for a file that holds none, ValueError for one that is no layered tree, or
    has too many or too few sites.
    """
    module, notes = load(path)
    arch = module.arch
    if not is_layered(arch):
        raise ValueError(
            "model: wanted a layered tree, such as a ConvAC, whose levels the page draws and whose widths it varies, "
            f"found {type(arch).__name__}; the report of any network is written by "
            f"`tnsim measure {path} --partition left-right --map mutual --out FOLDER`"
        )
    if not 2 <= arch.size <= MOST_SITES:
        raise ValueError(f"MODEL: wanted 2 to {MOST_SITES} sites to paint on, found {arch.size}; use `tnsim measure`")
    classes = tuple(str(name) for name in notes.get("classes") or range(arch.classes))
    return Explored(path.name, arch, module.params(), _grams(module, notes), classes, examples_of(notes, arch))


def _grams(module: ConvAC, notes: dict[str, Any]) -> Grams:
    """The measures that a model file has what it takes for."""
    grams: Grams = {"function": np.array(notes["gram"])} if "gram" in notes else {}
    if isinstance(module.representation, Representation):
        grams["uniform"] = module.representation.gram()
    return {**grams, "coefficient": None}


def names_of(arch: Layered) -> list[str]:
    """Names of partitions that this architecture has, those of a few windows among them."""
    chess = [f"chess:{2**k}" for k in range(1, max(arch.grid).bit_length() - 1)]
    windows = [
        f"window:{level}:{node}"
        for level in reversed(range(arch.depth))
        for node in range(len(arch.groups(level)))
        if len(arch.groups(level)) <= FEW_WINDOWS
    ]
    plain = ("left-right", "top-bottom", "quadrant", "center", "checkerboard", *chess, "interleaved")
    return [name for name in (*plain, *windows) if _is_named(arch, name)]


def _is_named(arch: Layered, name: str) -> bool:
    try:
        return bool(partitions.mask(arch, name).any())
    except ValueError:  # needs a plane, or leaves a side empty
        return False
