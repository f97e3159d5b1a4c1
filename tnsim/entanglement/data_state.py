"""The function of one class under the images themselves: the measure "data". THEORY section 2. A door to dataset.

sites of a side depend on each other as in the images; A and B are drawn apart: L2(mu_A x mu_B) of the real marginals
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import e, log

import numpy as np
from jaxtyping import Bool, Num

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.contract.schedule import whole
from tnsim.entanglement.dataset import DataSpectrum, Images, data_spectrum
from tnsim.entanglement.entropy import exact, exact_renyi
from tnsim.entanglement.estimate import Estimate, Stopwatch
from tnsim.entanglement.spectrum import Spectrum

Memory = str | float | None


@dataclass(frozen=True, eq=False)
class DataState:
    """The function of class `label` in L2 of the two sides' marginals over `images`. Made by `arch.state`.

    Everything is exact on these images, within rounding: one pass where a window of the tree separates A, else the
    function at all n^2 mixed images. The measure has no site on its own, so what is asked of sites (maps, density
    matrices, replicas) is asked in the measures "coefficient" and "function".
    """

    arch: Layered
    banks: dict[str, Num[np.ndarray, "..."]]
    label: int
    images: Images

    def mask(self, A: partitions.Partition) -> Bool[np.ndarray, "sites"]:
        """The side A of a partition as a mask."""
        return partitions.mask(self.arch, A)

    def measured(self, A: partitions.Partition, memory: Memory = None) -> DataSpectrum:
        """The spectrum across (A, the rest), how it was found, and what is to be said of it."""
        features = self.images() if callable(self.images) else self.images
        vector = self.banks[whole(self.arch.network).output][self.label]
        return data_spectrum(self.arch.network, self.banks, vector, features, self.mask(A), memory)

    def schmidt(self, A: partitions.Partition, memory: Memory = None) -> Spectrum:
        """The spectrum alone."""
        return self.measured(A, memory).spectrum

    def entropy(
        self, A: partitions.Partition, base: float = e, atol: float | None = None, memory: Memory = None
    ) -> Estimate:
        """Von Neumann entropy across (A, the rest). Raises ValueError for an atol below the rounding."""
        watch, found = Stopwatch(), self.measured(A, memory)
        S = exact(found.spectrum, atol if atol is None else atol * log(base)).map(lambda nats: nats / log(base))
        return replace(S, method=found.method, note=found.note, seconds=watch.seconds)

    def renyi(self, A: partitions.Partition, order: float = 2, base: float = e, memory: Memory = None) -> Estimate:
        """Renyi entropy of any order >= 0; order 1 is `entropy`."""
        if order == 1:
            return self.entropy(A, base, memory=memory)
        watch, found = Stopwatch(), self.measured(A, memory)
        S = exact_renyi(found.spectrum, order, base)
        return replace(S, method=found.method, note=found.note, seconds=watch.seconds)
