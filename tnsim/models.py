"""The doors: architectures with their methods, one line each, no logic. Above all that they open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, overload

from jaxtyping import Num
from networkx import MultiGraph

from tnsim.architectures import overlapping
from tnsim.architectures.convac import ConvACArchitecture
from tnsim.architectures.grid import OnGrid
from tnsim.architectures.mera import MERAArchitecture
from tnsim.architectures.mps import MPSArchitecture
from tnsim.architectures.peps import PEPSArchitecture
from tnsim.architectures.rac import RACArchitecture
from tnsim.architectures.ttn import TTNArchitecture
from tnsim.banks import AnyArray, Banks
from tnsim.contract.engines import run
from tnsim.contract.execution import DEFAULT, Execution
from tnsim.contract.plan import Plan, plan
from tnsim.contract.reads import read_scores
from tnsim.contract.scores import Scores
from tnsim.entanglement.data_state import DataState
from tnsim.entanglement.dataset import Images
from tnsim.entanglement.networks.state import NetworkState, network_state
from tnsim.entanglement.state import State, state_of
from tnsim.entanglement.states import States, states_of
from tnsim.interop.einsum import Einsum, to_einsum
from tnsim.interop.networkx import to_networkx
from tnsim.interop.tensornetwork import Graph, to_tensornetwork


class Doors(OnGrid):
    """What can be asked of any architecture, through its network."""

    def apply(
        self, params: Banks, features: Num[AnyArray, "..."], engine: str = "tnsim", memory=None,
        execution: Execution = DEFAULT,
    ) -> Scores:  # fmt: skip
        """Class scores as (value, log_scale); engine: "tnsim" or "tensornetwork" (the oracle: dense copies, slow).

        memory: a limit in bytes or a text like "8GB", kept by splitting the batch. execution: precision, blocks,
        devices and what else a sweep can be told."""
        return run(engine, self.network, params, features, memory, execution)

    def state(self, params: Banks, label: int | None = None, measure: str = "coefficient", gram=None) -> NetworkState:
        """The wave function of class `label` (None where there is no class leg), in the measure "coefficient", or
        "function" with gram=: (M, M) or (sites, M, M)."""
        return network_state(self.network, params, label, measure, gram, grid=self)

    def to_tensornetwork(self, params: Banks) -> Graph:
        """A Google TensorNetwork graph that views `params`: .nodes, .site_edges, .class_edge, .attach(features)."""
        return to_tensornetwork(self.network, params)

    def to_networkx(self) -> MultiGraph:
        """Tensors, copy tensors and open ends, joined by edges with their dimensions."""
        return to_networkx(self.network)

    def to_einsum(self, params: Banks, features=None) -> Einsum:
        """The network as .equation and .operands; features: none, of one sample (sites, M), or of a batch."""
        return to_einsum(self.network, params, features)

    def plan(self, memory: str | float | None = None) -> Plan:
        """What contracting one sample will cost; refused where it needs more than `memory`."""
        return plan(self.network, memory)


@dataclass(frozen=True)
class ConvAC(ConvACArchitecture, Doors):
    __doc__ = ConvACArchitecture.__doc__

    @overload  # type: ignore[override]
    def state(self, params: Banks, label: int, measure: Literal["data"], *, images: Images) -> DataState: ...

    @overload
    def state(self, params: Banks, label: int, measure: str = "coefficient", gram=None, images: None = None) -> State:
        ...  # fmt: skip

    def state(self, params, label, measure="coefficient", gram=None, images=None):
        """The wave function of class `label`, in the measure "coefficient", "function" (with gram=: (M, M) or (sites,
        M, M)) or "data" (with images=: the features (n, sites, M) of images, or what makes chunks of them)."""
        return state_of(self, params, label, measure, gram, images)

    def states(self, params: Banks, measure: str = "coefficient", gram=None) -> States:
        """All classes as one state, with the class leg as a party of its own."""
        return states_of(self, params, measure, gram)


@dataclass(frozen=True)
class MPS(MPSArchitecture, Doors):
    __doc__ = MPSArchitecture.__doc__


@dataclass(frozen=True)
class TTN(TTNArchitecture, Doors):
    __doc__ = TTNArchitecture.__doc__


@dataclass(frozen=True)
class RAC(RACArchitecture, Doors):
    __doc__ = RACArchitecture.__doc__


@dataclass(frozen=True)
class PEPS(PEPSArchitecture, Doors):
    __doc__ = PEPSArchitecture.__doc__


@dataclass(frozen=True)
class MERA(MERAArchitecture, Doors):
    __doc__ = MERAArchitecture.__doc__


@dataclass(frozen=True)
class OverlappingConvAC(overlapping.OverlappingConvAC, Doors):
    __doc__ = overlapping.OverlappingConvAC.__doc__

    def apply(
        self, params: Banks, features: Num[AnyArray, "..."], engine: str = "tnsim", memory=None,
        execution: Execution = DEFAULT,
    ) -> Scores:  # fmt: skip
        """Class scores as (value, log_scale) by the layers' own recursion, which at basis states, and there alone, is
        the contraction of the network: so there is no other engine, and no mesh or blocks in execution."""
        return read_scores(self.levels, self.network, params, features, engine, memory, execution)


@dataclass(frozen=True)
class DilatedConvAC(overlapping.DilatedConvAC, OverlappingConvAC):
    __doc__ = overlapping.DilatedConvAC.__doc__


CP = ConvAC.shallow
Tucker = TTN.tucker
KINDS: tuple[type, ...] = (ConvAC, DilatedConvAC, MERA, MPS, OverlappingConvAC, PEPS, RAC, TTN)
ARCHITECTURES: dict[str, type] = {kind.__name__: kind for kind in KINDS}  # of model files, by name
