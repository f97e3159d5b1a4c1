"""What every way in says of a network that may be a slip, in one place. Uses naming; used by terms, reading and quimb.

    a--b  c--d   two pieces that share no index: their product        a--b--   an open end that nobody named: an output
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterable, Sequence

import networkx as nx

CLASS = re.compile(r"class(_\d+)?")  # what our own views call outputs


def pieces(tensors: Iterable[Iterable[Hashable]]) -> int:
    """How many pieces hang together, of tensors given by their indices; numbers without an index are none."""
    joins = nx.Graph()
    joins.add_edges_from((("tensor", place), ("index", leg)) for place, legs in enumerate(tensors) for leg in legs)
    return nx.number_connected_components(joins)


def say_pieces(tensors: Iterable[Iterable[Hashable]], stacklevel: int) -> None:
    """Warn where a network is a product of pieces that share no index. stacklevel: of the user's call, from here."""
    if (found := pieces(tensors)) > 1:
        warnings.warn(
            f"the network has {found} parts that share no index; it is their product; allow 'parts' if meant",
            stacklevel=stacklevel,
        )


def say_outputs(names: Sequence[str], stacklevel: int) -> None:
    """Warn of open ends that are outputs only because nobody said what they are. stacklevel: as of `say_pieces`."""
    if dangling := [name for name in names if not CLASS.fullmatch(name)]:
        warnings.warn(
            f"open ends {dangling} are no sites; they become outputs, each of which wants a label; name them if meant",
            stacklevel=stacklevel,
        )
