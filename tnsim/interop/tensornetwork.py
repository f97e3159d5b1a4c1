"""Google TensorNetwork graphs: out by `to_tensornetwork`, back by `from_tensornetwork`. Door of graph and reading."""

from tnsim.interop.graph import Graph, to_tensornetwork
from tnsim.interop.reading import Reading, from_tensornetwork, read

__all__ = ["Graph", "Reading", "from_tensornetwork", "read", "to_tensornetwork"]
