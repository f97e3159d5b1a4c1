"""The fold of any network: an algebra carried along a path, loops and copies too. Uses finders and steps.

    tensors --[element]--> values --[meet: two at each step of a path]--> .. --> the value over the open indices

`fold` sweeps layered trees in waves, equal subtrees once; here every tensor is met by itself, along the path by which
the engine would contract the network. `semiring` makes an algebra of two operations in place of plus and times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tnsim import banks as bank_checks
from tnsim import memory as limits
from tnsim.contract.device_memory import allowed
from tnsim.contract.finders import Finder, find
from tnsim.contract.plan import WAYS_OUT
from tnsim.contract.steps import Step, Term, Walk, costs, size, walk
from tnsim.interop.einsum import row
from tnsim.network import Network, TensorView

Value = Any  # what an algebra carries for one tensor


class PathAlgebra(NamedTuple):
    """element(view, numbers) -> the value of a tensor, numbers being its row of its bank; meet(step, values) -> the
    value over `step.kept`, of one or two over `step.terms`: an index of a term that is not kept is summed over (twice
    in a term: its diagonal is taken). itemsize: bytes for each number of an array value; 0 where values are no arrays.
    """

    element: Callable[[TensorView, Any], Value]
    meet: Callable[[Step, Sequence[Value]], Value]
    itemsize: int = 0


def fold_path(
    algebra: PathAlgebra,
    network: Network,
    banks: Mapping[str, Any],
    finder: Finder = "greedy",
    memory: str | float | None = None,
) -> Value:
    """The value of a whole network over its open indices: sites, then outputs, each once; an array with these axes of a
    `semiring`. A network built without sites, `build(network.indices, network.stacks, (), ())`, is summed over them.

    finder: as of `tnsim.plan`. memory: a limit in bytes or a text like "8GB" on the arrays of an algebra that has an
    itemsize; None is half of the free memory. Jittable and differentiable where the algebra is.

    Raises ValueError for banks that do not fit the network or a finder that is none, MemoryLimitError above memory.
    """
    bank_checks.check(network, banks)
    found = walk(network, find(network, finder))
    limits.check(algebra.itemsize * _numbers(found), allowed(memory), "The fold along its path", WAYS_OUT)
    values = dict(enumerate(algebra.element(view, row(banks[view.bank], view)) for view in network.tensors()))
    for number, step in enumerate(_steps(found), len(values)):
        values[number] = algebra.meet(step, [values.pop(operand) for operand in step.operands])
    (whole,) = values.values()
    return whole


def _steps(found: Walk) -> list[Step]:
    """The steps, and one more where the last does not leave the open indices in their order."""
    term = found.steps[-1].kept if found.steps else found.terms[0]
    last = Step((len(found.terms) + len(found.steps) - 1,), (term,), found.opened)
    return [*found.steps, *([] if term == found.opened else [last])]


def _numbers(found: Walk) -> int:
    """Numbers alive at once, with the largest product before it is summed."""
    products = (size(tuple({index for term in step.terms for index in term}), found.dims) for step in found.steps)
    return costs(found).peak + max(products, default=0)


def semiring(
    times: Callable[[Any, Any], Any],
    plus: Callable[[Any, tuple[int, ...]], Any],
    element: Callable[[Any], Any] = lambda numbers: numbers,
    itemsize: int = 8,
) -> PathAlgebra:
    """The algebra of arrays with other operations: times(x, y) by element, plus(x, axes) over axes, element(numbers).

    times must distribute over plus, and both must commute, else the answer depends on the path: (jnp.add, jnp.max) on
    logarithms, (jnp.logical_and, jnp.any) on what is not zero, plain (jnp.multiply, jnp.sum) for the tensor itself; or
    NumPy's, which compile nothing.
    itemsize: bytes of a number, by which memory is judged. Source: Aji & McEliece 2000, "The generalized distributive
    law".
    """

    def meet(step: Step, values: Sequence[Any]) -> Any:
        kept = step.kept
        summed = tuple(dict.fromkeys(index for term in step.terms for index in term if index not in kept))
        one, *rest = (_laid(value, term, (*kept, *summed)) for value, term in zip(values, step.terms, strict=True))
        product = times(one, rest[0]) if rest else one
        return plus(product, tuple(range(len(kept), product.ndim))) if summed else product

    return PathAlgebra(lambda view, numbers: element(numbers), meet, itemsize)


def _laid(value: Any, term: Term, axes: Term) -> Any:
    """An array over `term` as one over `axes`, of length 1 where the term has none; diagonal in a repeated index."""
    for place, index in enumerate(term):
        if index in term[:place]:
            first = term.index(index)
            rest = (*term[:first], *term[first + 1 : place], *term[place + 1 :], index)
            return _laid(value.diagonal(axis1=first, axis2=place), rest, axes)
    order = sorted(range(len(term)), key=lambda place: axes.index(term[place]))
    shape = [value.shape[term.index(index)] if index in term else 1 for index in axes]
    return value.transpose(order).reshape(shape)
