"""Images that a generative model draws: samples of each class, and test images with missing pixels completed.

    class 3   [image] [image] [image] ..         given [image]  drawn [image] [image] ..  whole [image]
"""

from __future__ import annotations

import base64
import struct
import zlib

from tnsim.report.document import block, note
from tnsim.report.generated_values import Generated, Pixels, Row
from tnsim.report.measurements import Report
from tnsim.report.text import escape

SAMPLED = "Each drawn by itself from p(x | class): a channel at every node from the root down, then a value a site."
COMPLETED = (
    'Test images of which the model sees a part, the first of a row: <b class="cut">coloured</b> pixels are missing. '
    "The next are drawn from p(missing | seen), the class too; the last is the image itself."
)


def section(report: Report) -> str:
    """Rows of images; empty for a model that draws none."""
    found = report.generated
    if found is None:
        return ""
    blocks = block("Samples", SAMPLED, _rows(found, found.samples, "sample"), "map") if found.samples else ""
    if found.completed:
        blocks += block("Missing pixels drawn", COMPLETED, _rows(found, found.completed, "completion"), "map")
    return blocks + (note(escape(found.note)) if found.note else "")


def _rows(found: Generated, rows: tuple[Row, ...], kind: str) -> str:
    return f'<div class="strips">{"".join(_row(found, row, kind) for row in rows)}</div>'


def _row(found: Generated, row: Row, kind: str) -> str:
    name = escape(row.name)
    images = [(f"{kind} {k} of class {name}", pixels) for k, pixels in enumerate(row.images, 1)]
    before = [(f"what is given of an image of class {name}", row.given)] if row.given else []
    after = [(f"the image of class {name}", row.whole)] if row.whole else []
    drawn = "".join(_image(found.shape, *one) for one in (*before, *images, *after))
    return f'<figure><figcaption>{name}</figcaption><div class="strip">{drawn}</div></figure>'


def _image(shape: tuple[int, int], said: str, pixels: Pixels) -> str:
    content = base64.b64encode(png(shape, pixels)).decode()
    return f'<img class="pixels" alt="{said}" src="data:image/png;base64,{content}">'


def png(shape: tuple[int, int], pixels: Pixels) -> bytes:
    """A grey picture with a transparent pixel where one is missing: 8 bits of grey and of opacity each."""
    height, width = shape
    pairs = [(0, 0) if value is None else (round(255 * value), 255) for value in pixels]
    lines = [pairs[row * width : (row + 1) * width] for row in range(height)]
    raw = b"".join(b"\0" + bytes(byte for pair in line for byte in pair) for line in lines)
    header = struct.pack(">IIBBBBB", width, height, 8, 4, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
