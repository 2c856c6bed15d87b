"""Draws the ring network: 24 nodes on a circle, as SVG and as PNG, from one geometry."""

import math
import struct
import zlib

NODES = 24
SIZE = 320  # pixels, square
RADIUS = 128
STEPS = (1, 2, 5, 9)  # each node knows those that stand so many places further
BACKGROUND, LINE, NODE, SELF = "#10141f", "#2f5d8a", "#7fd1ff", "#ffb454"


def draw(folder):
    """Writes `ring network.svg` and `ring network.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ring network.svg").write_text(svg(), "utf-8")
    (folder / "ring network.png").write_bytes(png())


def place(node):
    angle = 2 * math.pi * node / NODES - math.pi / 2
    return SIZE / 2 + RADIUS * math.cos(angle), SIZE / 2 + RADIUS * math.sin(angle)


def lines():
    for node in range(NODES):
        for step in STEPS:
            yield place(node), place((node + step) % NODES)


def dots():
    """`(x, y), radius, colour` of each node; the first is the one that looks."""
    for node in range(NODES):
        yield place(node), 9 if node == 0 else 6, SELF if node == 0 else NODE


def svg():
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">',
        "  <title>A ring of 24 nodes</title>",
        f'  <rect width="{SIZE}" height="{SIZE}" fill="{BACKGROUND}"/>',
        f'  <g stroke="{LINE}" stroke-width="1">',
    ]
    for (x1, y1), (x2, y2) in lines():
        rows.append(f'    <line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    rows.append("  </g>")
    for (x, y), radius, colour in dots():
        rows.append(f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>')
    return "\n".join([*rows, "</svg>", ""])


def png():
    pixels = [[rgb(BACKGROUND)] * SIZE for _ in range(SIZE)]
    for (x1, y1), (x2, y2) in lines():
        count = int(math.hypot(x2 - x1, y2 - y1) / 0.7)
        for n in range(count + 1):
            x, y = x1 + (x2 - x1) * n / count, y1 + (y2 - y1) * n / count
            disc(pixels, x, y, 0.4, rgb(LINE))
    for (x, y), radius, colour in dots():
        disc(pixels, x, y, radius, rgb(colour))
    rows = b"".join(b"\0" + b"".join(map(bytes, row)) for row in pixels)
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)  # 8 bits, RGB
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


def disc(pixels, x, y, radius, colour):
    """Fills a circle; its rim is blended in quarters: round to the eye, few colours to store."""
    for row in range(int(y - radius - 1), int(y + radius + 2)):
        for column in range(int(x - radius - 1), int(x + radius + 2)):
            cover = min(1.0, max(0.0, radius + 0.5 - math.hypot(column - x, row - y)))
            cover = round(4 * cover) / 4
            old = pixels[row][column]
            pixels[row][column] = tuple(round(a + (b - a) * cover) for a, b in zip(old, colour))
