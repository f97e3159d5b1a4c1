"""Entanglement of data: data tensors of labelled samples, their entropies, maps of them, and orders that lower them."""

from tnsim.correlations.gram import Batching
from tnsim.correlations.maps import DataMap, Distances, correlation_by_distance, data_map
from tnsim.correlations.population import Resampling, data_population
from tnsim.correlations.rearrange import Rearrangement, rearranged
from tnsim.correlations.sample import DataSpectrum, data_entropy, data_renyi, data_spectrum
from tnsim.correlations.surrogate import Correlations, correlations, surrogate_entanglement
from tnsim.correlations.tensor import (
    DataTensor,
    canonical,
    class_tensors,
    cos_sin,
    data_tensor,
    of_class,
    one_vs_rest,
)

__all__ = [
    "Batching", "Correlations", "DataMap", "DataSpectrum", "DataTensor", "Distances", "Rearrangement", "Resampling",
    "canonical", "class_tensors", "correlation_by_distance", "correlations", "cos_sin", "data_entropy", "data_map",
    "data_population", "data_renyi", "data_spectrum", "data_tensor", "of_class", "one_vs_rest", "rearranged",
    "surrogate_entanglement",
]  # fmt: skip
