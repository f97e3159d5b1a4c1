"""quimb's tensor networks, out and back, hyperindices included. Uses terms, einsum and optional.

    Tensor(data, inds=("site_0", "pool_0[0]"), tags=("conv_0[0]/0", "conv_0"))  <-->  tensor 0 of stack "conv_0"

The way in reads public attributes alone (`tensor_map`, `inds`, `data`, `tags`), so that quimb need not be installed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Num

from tnsim import banks as bank_checks
from tnsim.banks import AnyArray, Banks
from tnsim.interop.einsum import eye, once, row
from tnsim.interop.naming import index_names, named_tensors, parse, site_order, tensor_name
from tnsim.interop.said import say_outputs
from tnsim.interop.terms import Term, filled, wired
from tnsim.network import Network
from tnsim.optional import optional


def to_quimb(network: Network, banks: Banks) -> Any:
    """A quimb TensorNetwork: a tensor for each of ours, its indices by our names, tagged by its name and its bank.

    An index that more than two join is a hyperindex; where one is open too, quimb has to be told which are, as
    `tn.contract(output_inds=[network.index_name(i) for i in (*network.sites.array.tolist(), *network.outputs)])`. An
    index that is open twice is joined by an identity.

    Raises ValueError for banks that do not fit the network, ImportError where quimb is not installed.
    """
    bank_checks.check(network, banks)
    quimb = optional("quimb.tensor", "'tnsim[exchange]'")
    names = index_names(network)
    tensors = [
        quimb.Tensor(row(banks[name.bank], made), [names[leg] for leg in made.legs], [tensor_name(name), name.bank])
        for name, made in named_tensors(network)
    ]
    _, twins = once([*network.sites.array.tolist(), *network.outputs], len(names))
    tensors += [
        quimb.Tensor(eye(int(network.dims[i]), tensors[0].data), [names[i], f"{names[i]}@{twin}"]) for i, twin in twins
    ]
    return quimb.TensorNetwork(tensors)


def from_quimb(
    tn: Any, sites: Sequence[str] | None = None, outputs: Sequence[str] | None = None, allow: Collection[str] = ()
) -> tuple[Network, dict[str, Num[AnyArray, "..."]]]:
    """The network of a quimb TensorNetwork, and its banks with the very numbers.

    sites: their indices in order; None: those called site_0, site_1, .., else what the network itself calls its sites
    (`site_ind`, as quimb's MPS and PEPS do). outputs: the other open indices; None: all that one tensor has, with a
    warning where there are sites and an output is not called class. Indices keep their names, but for those that quimb
    draws at random ("_.."); a network of `to_quimb` has its banks again. A power of ten that quimb has stripped
    (`exponent`) is a number beside the tensors.
    allow: "copies" for hyperindices, "traces" for an index twice in a tensor, "sums" for indices with one end that are
    neither site nor output, "parts" for parts that share no index (else a warning).

    Raises ValueError for what is not allowed, two dimensions of one index, names of no index, or other numbers than
    NumPy's and JAX's.
    """
    tensors = list(tn.tensor_map.values()) if hasattr(tn, "tensor_map") else [tn]
    if not tensors:
        raise ValueError("tn: wanted at least one tensor, found none")
    terms = [_term(place, tensor) for place, tensor in enumerate(tensors)]
    if exponent := getattr(tn, "exponent", 0):
        terms.append(Term((), np.array(10.0 ** float(exponent)), "exponent"))
    ends = Counter(leg for term in terms for leg in term.legs)
    free = [str(leg) for leg, count in ends.items() if count == 1]
    found = list(sites) if sites is not None else site_order(free) or _own_sites(tn, free)
    others = [leg for leg in free if leg not in set(found)] if outputs is None else outputs
    network, groups = wired(terms, found, others, allow)
    if found and outputs is None:
        say_outputs(others, stacklevel=3)
    return network, filled(terms, groups)


def _term(place: int, tensor: Any) -> Term:
    if not isinstance(tensor.data, (np.ndarray, jax.Array)):
        raise ValueError(f"tensors[{place}]: wanted numbers of NumPy or JAX, found {type(tensor.data).__name__}")
    name = next((tag for tag in tensor.tags if parse(tag)), "")
    return Term(tuple(tensor.inds), tensor.data, f"tensors[{place}]", name)


def _own_sites(tn: Any, free: Sequence[str]) -> list[str]:
    """The open index of every site of a network that knows its own; none where it has none, or several of a site."""
    if not (hasattr(tn, "site_ind") and hasattr(tn, "sites")):
        return []
    found = [tn.site_ind(site) for site in tn.sites]
    return found if set(found) <= set(free) else []
