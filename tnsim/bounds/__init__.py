"""What widths allow: min-cuts and rank bounds, from the architecture alone."""

from tnsim.bounds.batches import CutValues, min_cuts
from tnsim.bounds.flow import NetworkCut, SeveredIndex, network_min_cut
from tnsim.bounds.lattice import minimal_cuts
from tnsim.bounds.min_cut import Cut, CutEdge, min_cut
from tnsim.bounds.pareto import Design, pareto_front
from tnsim.bounds.pooling_geometry import PoolingBounds, pooling_bounds
from tnsim.bounds.ranks import RankBounds, RankGap, rank_bounds, rank_gap, shared_upper
from tnsim.bounds.sensitivity import Change, Sensitivity, WidthEffect, sensitivity

__all__ = [
    "Change", "Cut", "CutEdge", "CutValues", "Design", "NetworkCut", "PoolingBounds", "RankBounds", "RankGap",
    "Sensitivity", "SeveredIndex", "WidthEffect", "min_cut", "min_cuts", "minimal_cuts", "network_min_cut",
    "pareto_front", "pooling_bounds", "rank_bounds", "rank_gap", "sensitivity", "shared_upper",
]  # fmt: skip
