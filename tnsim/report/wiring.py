"""A network's wiring as plain JSON values, for a measurements file: what its picture and its table want. Beside survey.

banks      name, shape of one tensor, how many there are          indices    name, how many of the run, dimension
legs       of every tensor the indices it meets (None: too many tensors to draw)       sites, outputs    their indices
"""

from __future__ import annotations

from typing import Any

from tnsim.network import Network

DRAWN = 256  # tensors; of more only the table is kept


def wiring(network: Network) -> dict[str, Any]:
    """Everything static of a network; "legs", "sites" and "outputs" only where it is small enough to be drawn."""
    told = {
        "banks": [
            {"bank": stack.bank, "shape": list(stack.shape), "tensors": stack.count, "copies": max(stack.copies, 1)}
            for stack in network.stacks
        ],
        "indices": [{"name": run.name, "count": run.count, "dim": run.dim} for run in network.indices if run.count],
    }  # fmt: skip
    if network.tensor_count > DRAWN:
        return told
    legs = [list(view.legs) for view in network.tensors()]
    return told | {"legs": legs, "sites": network.sites.array.tolist(), "outputs": list(network.outputs)}
