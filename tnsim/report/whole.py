"""All classes as one state, as plain JSON values: how alike they are, and what a side knows of them. Used by survey.

[{"fidelities": (classes, classes), "weights": (classes,), "class_entropy": estimate, "classes": names},
 {"partition": name, "information": estimate}, ..]          I(class : A), at most twice the entropy of the class leg
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from tnsim.entanglement.states import States
from tnsim.report.rows import bracketed, estimate_json

Part = dict[str, Any]


def parts(
    states: States, names: Sequence[str], masks: Mapping[str, Bool[np.ndarray, "sites"]], done: Sequence[Part],
    asked: Mapping[str, Any],
) -> Iterator[Part]:  # fmt: skip
    """What `done` lacks, one after the other; nats. asked: atol, memory and seconds of an interval."""
    had = {part.get("partition") for part in done}
    if None not in had:
        yield classes(states, names)
    for name, mask in masks.items():
        if name not in had:
            yield {"partition": name, "information": estimate_json(states.mutual_information(mask, **asked))}


def classes(states: States, names: Sequence[str]) -> Part:
    """Overlaps of the classes' states, their shares of the whole, and the entropy of the class leg."""
    found = states.overlaps()
    return {
        "fidelities": found.fidelities.tolist(), "weights": found.weights.tolist(),
        "class_entropy": estimate_json(states.class_entropy()), "classes": list(names),
    }  # fmt: skip


def said(part: Part, unit: float = 1.0, name: str = "nats") -> str:
    """A part in a line, in units of that name."""
    if "partition" in part:
        return f"I(class : A), {part['partition']}: {bracketed(part['information'], unit)} {name}"
    fidelities = np.array(part["fidelities"])
    line = f"entropy of the class leg {bracketed(part['class_entropy'], unit)} {name}"
    if len(fidelities) < 2:
        return line
    i, j = np.unravel_index(np.argmax(fidelities - 2 * np.eye(len(fidelities))), fidelities.shape)
    names = part["classes"]
    return f"{line}; most alike: {names[i]} and {names[j]}, fidelity {fidelities[i, j]:.3f}"
