"""The partitions one by one: the sites, the network with its cheapest cut, and what the wiring alone says of the rank.

    [ sites of A ]  [ network, cut ]      min-cut 3^2 = 9 (ln 2.20), cuts 2 of the indices bond; rank <= 9
"""

from __future__ import annotations

from tnsim.report import network_pictures, pictures, plots, prose
from tnsim.report.document import note
from tnsim.report.measurements import Partition, Report
from tnsim.report.text import escape, grouped, levels, number, shortened, size


def section(report: Report) -> str:
    """What a picture shows, and a card for each partition; empty where there is none."""
    cards = "".join(_card(report, p, k) for k, p in enumerate(report.partitions))
    return f'{note(_said(report))}<div class="gallery">{cards}</div>' if cards else ""


def _said(report: Report) -> str:
    if report.wired is not None:
        above = network_pictures.is_seen_from_above(report)
        drawn = prose.NETWORK_DRAWN.format(view=prose.VIEWS[above]) if network_pictures.is_drawn(report) else ""
        return prose.NETWORK_PARTITIONS.format(drawn=drawn)
    drawn = (
        "a line is a matrix, a dot a pooling node"
        if pictures.is_drawn_whole(report)
        else "a bar is a level, as long as the logarithm of its number of nodes"
    )
    return prose.PARTITIONS.format(drawn=drawn)


def _card(report: Report, partition: Partition, k: int) -> str:
    image = pictures.image(report, partition, f"image-{k}")
    drawing = pictures.network if report.wired is None else network_pictures.network
    network = drawing(report, partition, f"network-{k}")
    said = ", ".join(filter(None, (size(partition.cut), levels(partition.cut))))
    return (
        f'<figure class="card"><figcaption><b>{escape(shortened(partition.name))}</b> '
        f'<span class="tag">{_known(report, partition)}</span>'
        f"<span>{said}</span>{_ranks(partition)}</figcaption>"
        f'<div class="drawn"><div class="image">{image}</div>'
        f'<div class="network">{network}</div></div></figure>'
    )


def _known(report: Report, partition: Partition) -> str:
    if partition.exact:
        return "exact S"
    return "S₂ only" if plots.is_alone(report, partition) else "S in an interval"


def _ranks(partition: Partition) -> str:
    """What the architecture alone says of the rank, each bound with what it holds for."""
    upper, lower = partition.rank_upper, partition.rank_lower
    said = [] if upper is None else [f"rank ≤ {_integer(upper)} for any weights"]
    if lower is not None and lower > 1:
        said.append(f"≥ {_integer(lower)} for almost all free weights, not for a given trained network")
    return f"<span>{'; '.join(said)}</span>" if said else ""


def _integer(value: int) -> str:
    return grouped(value) if value < 10**9 else number(value)
