"""Pictures as SVG: of the state of a story, and of a whole address space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import space_map as map_of
from devmemkit.figures.svg import to_svg
from devmemkit.host.files import write
from devmemkit.text.iomem import Dump
from devmemkit.text.iomem_tree import tree_of


@dataclass(frozen=True)
class Figure:
    """A picture that a notebook displays: `svg` draws it, `alt` describes it in one sentence."""

    svg: str
    alt: str

    def save(self, path: str | Path) -> None:
        """Write the SVG into a file; OSError where that is not possible."""
        write(Path(path), self.svg)

    def _repr_svg_(self) -> str:
        return self.svg


def figure_of(picture: Picture) -> Figure:
    """The picture, drawn."""
    return Figure(to_svg(picture), picture.alt)


def space_map(dump: Dump, title: str = "a dump") -> Figure:
    """Draw the address space of a dump: every range with its size, and the gaps between them.

    ValueError for a dump without addresses, as a reader without rights sees it.

    >>> import devmemkit as dk
    >>> figure = space_map(dk.parse_iomem("00001000-0009ffff : System RAM"))
    >>> figure.svg[:4], figure.alt[:36]
    ('<svg', 'The physical address space of a dump')
    """
    bits = max(entry.end.bit_length() for entry in dump.entries)
    return figure_of(map_of(title, tree_of(dump, root_end=(1 << bits) - 1)))
