"""What widths allow: min-cuts and rank bounds, from the architecture alone."""

from tnsim.bounds.flow import NetworkCut, SeveredIndex, network_min_cut
from tnsim.bounds.lattice import minimal_cuts
from tnsim.bounds.min_cut import Cut, CutEdge, RankBounds, min_cut, rank_bounds

__all__ = [
    "Cut", "CutEdge", "NetworkCut", "RankBounds", "SeveredIndex", "min_cut", "minimal_cuts", "network_min_cut",
    "rank_bounds",
]  # fmt: skip
