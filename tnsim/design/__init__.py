"""Widths from data: what its tensor needs across every window of a tree, and the best widths that a budget pays for."""

from tnsim.design.contrast import CONTRASTS, Look, contrasted, image_needs
from tnsim.design.costs import KINDS, Costs, costs
from tnsim.design.needs import Need, data_needs, losses
from tnsim.design.profiles import drawn, scaled, standard
from tnsim.design.proposal import Alternative, Proposal, propose
from tnsim.design.refine import refined
from tnsim.design.widths import Widths, least_loss

__all__ = [
    "CONTRASTS", "KINDS", "Alternative", "Costs", "Look", "Need", "Proposal", "Widths", "contrasted", "costs",
    "data_needs", "drawn", "image_needs", "least_loss", "losses", "propose", "refined", "scaled", "standard",
]  # fmt: skip
