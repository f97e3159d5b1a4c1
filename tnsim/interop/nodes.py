"""Nodes of a TensorNetwork graph that cost nothing until they are looked at. Uses network; used by graph and walk.

    bank "conv_0" (copies, r_out, r_in)  <-- views --  BankNode "conv_0[1]/3": row 1, sliced when its tensor is read

Slicing thousands of rows inside a trace costs tens of seconds of compilation, and TensorNetwork's own copy of a copy
tensor is dense, d^order numbers: both are put off here for as long as nobody asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import tensornetwork as tn
from jax import lax
from tensornetwork.backends.jax.jax_backend import JaxBackend

from tnsim.network import Network


def _jax_backend() -> JaxBackend:
    """TensorNetwork's, with products as precise as JAX is set to: its own ask for JAX's lowest, whatever is set."""
    backend = JaxBackend()
    backend.jax_precision = None  # an argument of None is read as the lowest
    return backend


BACKEND = _jax_backend()


@dataclass(eq=False)
class Source:
    """Where rows look for their array; one for all vectors of a sample, so that another sample is one assignment."""

    array: Any


class Row(NamedTuple):
    """Where a node's numbers lie: `array[slot]`, or all of `array` where slot is None.

    network, stack and position say which tensor of which network it is; None and 0 for attached vectors.
    """

    source: Source
    slot: int | None
    network: Network | None
    stack: int
    position: int

    @property
    def array(self) -> Any:
        return self.source.array

    @property
    def shape(self) -> tuple[int, ...]:
        shape = tuple(self.array.shape)
        return shape if self.slot is None else shape[1:]

    def read(self) -> jax.Array:
        """The slice, made anew each time: one kept from within a trace would leak out of it."""
        array = self.array
        if self.slot is None:
            return jnp.asarray(array)
        if isinstance(array, jax.core.Tracer):  # a static slice: cheaper to trace than indexing
            return lax.index_in_dim(array, self.slot, keepdims=False)
        return jnp.asarray(array[self.slot])


class BankNode(tn.Node):
    """A tn.Node on JAX that views a row of a bank; setting its tensor makes it a plain node."""

    row: Row | None

    def __init__(self, row: Row, name: str, axis_names: list[str] | None = None) -> None:
        self.row = row  # before tn's own: the node's shape is the row's
        self._own: Any = None
        tn.AbstractNode.__init__(self, name=name, axis_names=axis_names, backend=BACKEND, shape=row.shape)

    @property
    def _tensor(self):
        """What TensorNetwork reads and sets, here and there without the public property."""
        return self._own if self.row is None else self.row.read()

    @_tensor.setter
    def _tensor(self, tensor) -> None:
        self._own, self.row = tensor, None

    @property
    def shape(self) -> tuple[int, ...]:
        if self.row is None or self.is_disabled:  # disabled: tn's own error
            return super().shape
        return self.row.shape

    @property
    def dtype(self):
        return super().dtype if self.row is None else jnp.result_type(self.row.array)

    def copy(self, conjugate: bool = False) -> tn.Node:
        """A node with edges of its own, of the same names; still a view of the bank unless conjugated."""
        if conjugate or self.row is None:
            return super().copy(conjugate)
        own = self.row._replace(source=Source(self.row.array))  # the original's next sample is not the twin's
        twin = BankNode(own, self.name, self.axis_names)
        _copy_edges(self, twin)
        return twin

    def _save_node(self, node_group) -> None:
        plain = tn.Node(self.tensor, name=self.name, axis_names=self.axis_names, backend=self.backend)
        plain.edges = self.edges
        plain._save_node(node_group)  # files know tn's own two types


class SparseCopyNode(tn.CopyNode):
    """A tn.CopyNode whose copy stays sparse, where TensorNetwork's builds the dense tensor of d^order numbers."""

    def copy(self, conjugate: bool = False) -> tn.CopyNode:
        twin = SparseCopyNode(self.rank, self.dimension, self.name, self.axis_names, self.backend, self.dtype)
        _copy_edges(self, twin)
        return twin

    def _save_node(self, node_group) -> None:
        plain = tn.CopyNode(self.rank, self.dimension, self.name, self.axis_names, self.backend, self.dtype)
        plain.edges = self.edges
        plain._save_node(node_group)


def join(first: tuple[tn.AbstractNode, int], second: tuple[tn.AbstractNode, int], name: str) -> tn.Edge:
    """An edge between two (node, axis); the edges that were there are left over."""
    (node1, axis1), (node2, axis2) = first, second
    edge = tn.Edge(node1, axis1, name, node2, axis2)
    node1.add_edge(edge, axis1, override=True)
    node2.add_edge(edge, axis2, override=True)
    return edge


def dangle(node: tn.AbstractNode, axis: int, name: str) -> tn.Edge:
    """A dangling edge of that name."""
    edge = tn.Edge(node, axis, name)
    node.add_edge(edge, axis, override=True)
    return edge


def _copy_edges(node: tn.AbstractNode, twin: tn.AbstractNode) -> None:
    """Give `twin` edges like those of `node`: traces stay, all others dangle."""
    for axis, edge in enumerate(node.edges):
        if not edge.is_trace():
            dangle(twin, axis, edge.name)
        elif edge.axis1 == axis:
            join((twin, axis), (twin, edge.axis2), edge.name)
