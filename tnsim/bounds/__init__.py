"""What widths allow: min-cuts and rank bounds, from the architecture alone."""

from tnsim.bounds.min_cut import Cut, CutEdge, RankBounds, min_cut, rank_bounds

__all__ = ["Cut", "CutEdge", "RankBounds", "min_cut", "rank_bounds"]
