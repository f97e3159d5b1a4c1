"""Grids contracted row by row by boundary matrix product states, each answer with what the width may have cost."""

from tnsim.boundary.state import BoundaryMPS, Expectations, Local, boundary_mps
from tnsim.boundary.values import Contracted

__all__ = ["BoundaryMPS", "Contracted", "Expectations", "Local", "boundary_mps"]
