"""The pictures of a partition: the image with the sites of A, the network with its cheapest cut.

    output   |           The index above a pooling node touches all the matrices around it, so a
    level 1  o           cut index is drawn as a star: the halves of the lines that meet in the
    level 0  o   o       node.
    sites   / \\ / \\
"""

import math

from tnsim.report.measurements import Index, Number, Partition, Report, Tree
from tnsim.report.svg import Point, dot, label, picture, rect, segments, short
from tnsim.report.text import grouped, levels, powers

DRAWN = 64  # networks of more sites are drawn level by level
LEFT, RIGHT, STEP = 56, 396, 42


def image(report: Report, partition: Partition, name: str) -> str:
    """The grid of sites, those of A in colour. A chain is one row, whose cells are drawn higher
    than wide.
    """
    height, width = report.grid
    inside = set(partition.sites)
    tall = max(1.0, width / 12) if height == 1 else 1.0
    body = rect((0, 0), width, height * tall, "side-b")
    body += f'<path class="side-a" d="{_runs(inside, height, width, tall)}"/>'
    if height * width <= 1024:
        lines = [((float(j), 0.0), (float(j), height * tall)) for j in range(1, width)]
        lines += [((0.0, float(i)), (float(width), float(i))) for i in range(1, height)]
        body += segments(lines, "grid")
    title = f"{partition.name}: sites of A"
    said = f"{len(inside)} of {height * width} sites, a {height} by {width} grid, are in A."
    return picture(name, (width, height * tall), title, said, body)


def _runs(inside: set[int], height: int, width: int, tall: Number) -> str:
    """Horizontal runs of sites in A, as one path."""
    d = ""
    for i in range(height):
        j = 0
        while j < width:
            start = j
            while j < width and i * width + j in inside:
                j += 1
            if j > start:
                d += f"M{start} {i}h{j - start}v{short(tall)}h{start - j}z"
            else:
                j += 1
    return d


def is_drawn_whole(report: Report) -> bool:
    """Whether the network is small enough, and known well enough, to be drawn node by node."""
    return report.tree is not None and math.prod(report.sites) <= DRAWN


def network(report: Report, partition: Partition, name: str) -> str:
    """The tree with the cut indices of the partition's min-cut drawn thick, or its levels with
    their counts.
    """
    if report.tree is None or not is_drawn_whole(report):
        return _layers(report, partition, name)
    where = places(report.tree)
    drawn = styles(report.tree, partition)
    return picture(
        name,
        (404, height(len(report.tree), -1) + 14),
        f"Network and min-cut of {partition.name}",
        f"Sites below, output above; min-cut {powers(partition.cut, plain=True)}, "
        f"{levels(partition.cut)}.",
        _lines(report.tree, where, drawn),
        _nodes(report.tree, where, drawn, partition),
        _names(len(report.tree)),
    )


# --- the whole tree -------------------------------------------------------------------------------


def height(depth: int, level: int) -> float:
    """Where a level stands: -1 the sites, at the bottom; `depth` the output, on top."""
    return 16.0 + STEP * (depth - level)


def places(tree: Tree, left: Number = LEFT) -> dict[Index, Point]:
    """Where every site and node stands: leaves in the order of the tree, so no lines cross; a node
    above its middle.
    """
    order: list[int] = list(range(len(tree[-1])))
    for level in reversed(tree):
        order = [child for position in order for child in level[position]]
    gap = (RIGHT - left) / max(len(order) - 1, 1)
    depth = len(tree)
    places = {(-1, s): (left + k * gap, height(depth, -1)) for k, s in enumerate(order)}
    for number, level in enumerate(tree):
        for position, children in enumerate(level):
            xs = [places[number - 1, child][0] for child in children]
            places[number, position] = ((min(xs) + max(xs)) / 2, height(depth, number))
    return places


def styles(tree: Tree, partition: Partition) -> dict[Index, str]:
    """How each index is drawn: "cut", or the side ("a", "b") of the sites it still hangs together
    with, or "free".
    """
    cut, inside = set(partition.cut.edges), set(partition.sites)
    root: dict[Index, Index] = {}

    def find(index: Index) -> Index:
        while root.setdefault(index, index) != index:
            index = root[index]
        return index

    for number, level in enumerate(tree):
        for position, children in enumerate(level):
            for child in children:
                above, below = (number, position), (number - 1, child)
                if above not in cut and below not in cut:
                    root[find(below)] = find(above)
    sites = [(-1, s) for s in range(sum(map(len, tree[0])))]
    held: dict[Index, set[str]] = {}
    for site in sites:
        if site not in cut:
            held.setdefault(find(site), set()).add("a" if site[1] in inside else "b")
    side = {index: found.pop() for index, found in held.items() if len(found) == 1}
    every = sites + [(n, k) for n, level in enumerate(tree) for k in range(len(level))]
    return {i: "cut" if i in cut else side.get(find(i), "free") for i in every}


def _lines(tree: Tree, places: dict[Index, Point], styles: dict[Index, str]) -> str:
    """Every matrix as a line whose lower half is its child's index and whose upper half is its
    parent's.
    """
    halves: dict[str, list[tuple[Point, Point]]] = {
        s: [] for s in ("free", "b", "a", "cut leaf", "cut")
    }
    for number, level in enumerate(tree):
        for position, children in enumerate(level):
            for child in children:
                below, above = (number - 1, child), (number, position)
                (x0, y0), (x1, y1) = places[below], places[above]
                middle = ((x0 + x1) / 2, (y0 + y1) / 2)
                halves[_fine(styles[below], number)].append((places[below], middle))
                halves[_fine(styles[above], number)].append((middle, places[above]))
    for k in range(len(tree[-1])):
        x, y = places[len(tree) - 1, k]
        halves[styles[len(tree) - 1, k]].append(((x, y), (x, height(len(tree), len(tree)))))
    return "".join(segments(pairs, f"edge {style}") for style, pairs in halves.items())


def _fine(style: str, level: int) -> str:
    """Cut lines of the lowest level stand close, so they are drawn thinner."""
    return "cut leaf" if style == "cut" and level == 0 else style


def _nodes(
    tree: Tree, places: dict[Index, Point], styles: dict[Index, str], partition: Partition
) -> str:
    inside = set(partition.sites)
    body = ""
    for index, place in places.items():
        if index[0] < 0:
            body += dot(place, 2.3, "side-a" if index[1] in inside else "side-b")
        else:
            body += dot(place, 4.2 if styles[index] == "cut" else 2.6, f"node {styles[index]}")
    for k in range(len(tree[-1])):
        x, _ = places[len(tree) - 1, k]
        body += rect((x - 4, height(len(tree), len(tree)) - 4), 8, 8, "node free")
    return body


def _names(depth: int) -> str:
    words = ["sites", *(f"level {level}" for level in range(depth)), "output"]
    return "".join(
        label((0, height(depth, level)), word, "tick") for level, word in enumerate(words, -1)
    )


# --- level by level -------------------------------------------------------------------------------


def _layers(report: Report, partition: Partition, name: str) -> str:
    """A bar a level, as long as the logarithm of its nodes, the cut share of them in the accent
    colour.
    """
    counts = {-1: math.prod(report.sites), **dict(enumerate(report.nodes))}
    cut = dict(partition.cut.levels)
    longest = math.log2(counts[-1] + 1)
    depth, body = len(report.nodes), label((0, 16), "output", "tick")
    for level, count in counts.items():
        y = 16 + 24 * (depth - level)
        width = 200 * math.log2(count + 1) / longest
        many = cut.get(level, 0)
        body += rect((LEFT, y - 6), width, 12, "layer")
        body += rect((LEFT, y - 6), width * min(many / count, 1), 12, "layer cut") if many else ""
        body += label((0, y), "sites" if level < 0 else f"level {level}", "tick")
        words = f"{grouped(many)} of {grouped(count)} cut" if many else grouped(count)
        body += label((LEFT + width + 8, y), words, "tick cut" if many else "tick")
    body += rect((LEFT, 12), 8, 8, "node free")
    title = f"Levels and min-cut of {partition.name}"
    said = f"Min-cut {powers(partition.cut, plain=True)}, {levels(partition.cut)}."
    return picture(name, (404, 16 + 24 * (depth + 1) + 12), title, said, body)
