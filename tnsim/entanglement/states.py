"""A classifier as one state, sum_y |y>|psi_y>, its class leg a party of its own: a door to classes. Used by models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import e, log

import numpy as np
from jaxtyping import Num

from tnsim import partitions
from tnsim.architectures.layered import Layered
from tnsim.banks import measurable
from tnsim.entanglement import classes, whole_models
from tnsim.entanglement.classes import Overlaps
from tnsim.entanglement.entropy import asked_in, exact
from tnsim.entanglement.estimate import Estimate
from tnsim.entanglement.measure import SiteMeasure, site_measure
from tnsim.entanglement.spectrum import Spectrum
from tnsim.network import Network

Memory = str | float | None


@dataclass(frozen=True, eq=False)
class States:
    """All classes of a network at once, in a measure. Made by `arch.states`.

    class_side: "A" or "B", the side that the class leg joins. Entropies in nats unless base=.
    """

    arch: Layered
    banks: dict[str, Num[np.ndarray, "..."]]
    measure: SiteMeasure

    @property
    def _parts(self) -> tuple[Network, dict, SiteMeasure]:
        return self.arch.network, self.banks, self.measure

    def overlaps(self) -> Overlaps:
        """<psi_y|psi_z> of all pairs of classes, as cosines and norms."""
        return classes.overlaps(*self._parts)

    def class_schmidt(self) -> Spectrum:
        """The spectrum of the class leg against all sites."""
        return classes.class_spectrum(*self._parts)

    def class_entropy(self, base: float = e) -> Estimate:
        """Entropy of the class leg against all sites: how many classes the state tells apart."""
        return self._in(exact(self.class_schmidt(), None), base)

    def schmidt(self, A: partitions.Partition, class_side: str = "B", memory: Memory = None) -> Spectrum:
        """The spectrum across a partition of the sites, the class leg on one of its sides."""
        return classes.joint_spectrum(*self._parts, partitions.mask(self.arch, A), class_side, memory)

    def entropy(self, A: partitions.Partition, class_side: str = "B", base: float = e, atol: float | None = None,
                memory: Memory = None, seconds: float | None = None) -> Estimate:  # fmt: skip
        """Von Neumann entropy across a partition, the class leg on one of its sides: exact, or a rigorous interval.

        atol, memory, seconds as in `State.entropy`.
        """
        mask = partitions.mask(self.arch, A)
        found = whole_models.joint_entropy(*self._parts, mask, class_side, asked_in(base, atol, memory, seconds))
        return found.map(lambda nats: nats / log(base))

    def renyi(self, A: partitions.Partition, class_side: str = "B", base: float = e, memory: Memory = None) -> Estimate:
        """Renyi-2 entropy of the same, by two replicas: for any partition."""
        return self._in(classes.joint_renyi_2(*self._parts, partitions.mask(self.arch, A), class_side, memory), base)

    def mutual_information(self, A: partitions.Partition, base: float = e, atol: float | None = None,
                           memory: Memory = None, seconds: float | None = None) -> Estimate:  # fmt: skip
        """I(class : A) = S(class) + S(A) - S(class A): what the sites of A alone know of the class.

        atol, memory, seconds as in `State.entropy`.
        """
        mask = partitions.mask(self.arch, A)
        found = whole_models.mutual_information(*self._parts, mask, asked_in(base, atol, memory, seconds))
        return found.map(lambda nats: nats / log(base))

    def _in(self, found: Estimate, base: float) -> Estimate:
        note = "; ".join(filter(None, (found.note, self.measure.note)))
        return replace(found, note=note).map(lambda nats: nats / log(base))


def states_of(arch: Layered, params, measure: str = "coefficient", gram=None) -> States:
    """All classes as one state. Raises ValueError for banks, a measure or a gram that do not fit."""
    banks = measurable(arch.network, params)
    return States(arch, banks, site_measure(measure, gram, arch.size, arch.features))
