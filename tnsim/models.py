"""The doors: architectures with their methods, one line each, no logic. The top of the house, so nothing imports upward."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Num

from tnsim.architectures.convac import ConvACArchitecture
from tnsim.banks import AnyArray, Banks
from tnsim.contract.engines import ENGINES, run
from tnsim.contract.scores import Scores
from tnsim.entanglement.state import State, state_of


@dataclass(frozen=True)
class ConvAC(ConvACArchitecture):
    __doc__ = ConvACArchitecture.__doc__

    def apply(self, params: Banks, features: Num[AnyArray, "batch sites M"], engine: str = "tnsim", memory=None) -> Scores:
        """Class scores as (value, log_scale); engine: "tnsim" or "tensornetwork" (the oracle: dense copies, slow)."""
        return run(engine, self.network, params, features, memory)

    def state(self, params: Banks, label: int, measure: str = "coefficient", gram=None) -> State:
        """The wave function of class `label`, in the measure "coefficient" or "function" (with gram=)."""
        return state_of(self, params, label, measure, gram)
