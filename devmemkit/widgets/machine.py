"""The machine explorer: pick or upload a dump, click a resource, choose an access, read why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as w

from devmemkit.explain.access import OPS, VIAS, AccessError, access_of, number
from devmemkit.explain.answer import Answer, explain
from devmemkit.explain.cases import Machines, needed_bits
from devmemkit.explain.description import Description, dump_of, with_lspci
from devmemkit.explain.render_html import as_html, causes_html
from devmemkit.explain.render_text import format_outcome
from devmemkit.explain.symptom import SYMPTOMS, causes
from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import node_at, size_of, space_map
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.text.html import safe
from devmemkit.text.iomem import DumpError
from devmemkit.text.iomem_tree import tree_of
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown, observe, row

PREDICT = "what happens"
LOCKDOWN = {"as described": None, "none": "none", "integrity": "integrity"}


class MachineExplorer(Explorer):
    """Shows one described machine, and the answer for one access to it.

    `machines` are descriptions by name, the first is shown; `address` is that of the resource
    picked at first.
    """

    def __init__(self, machines: dict[str, Description], address: int, via: str, op: str) -> None:
        self.machines = dict(machines)
        first = next(iter(machines))
        self.machine = dropdown("machine", machines, first)
        self.upload = w.FileUpload(description="a dump, or lspci -v", layout=w.Layout(width="auto"))
        self.resource = w.Dropdown(description="resource", style=WIDE)
        self.via = dropdown("through", VIAS[:3], via)
        self.op = dropdown("operation", OPS, op)
        self.length = w.Text("4K", description="length", style=WIDE, continuous_update=False)
        self.offset = w.Text("0", description="offset", style=WIDE, continuous_update=False)
        self.lockdown = dropdown("lockdown", LOCKDOWN, "as described")
        self.got = dropdown("it gave", [PREDICT, *SYMPTOMS], PREDICT)
        self.note = w.HTML()
        self._set_machine(first, address)
        asked = (self.via, self.op, self.offset, self.length, self.lockdown, self.got)
        super().__init__(
            row(self.machine, self.upload),
            self.note,
            row(self.resource, *asked),
            w.HTML("Click a region, or choose it above."),
        )
        observe(self._answer, *asked)
        observe(self.redraw, self.resource)
        observe(lambda _: self._show(self.machine.value), self.machine)
        observe(self._uploaded, self.upload)
        self.panes[0].observe(self._tapped, "tapped")

    def arranged(self, rows: tuple[w.Widget, ...]) -> list[w.Widget]:
        half = w.Layout(flex="1 1 420px", min_width="0")
        return [*rows, row(*(w.Box([part], layout=half) for part in (*self.panes, self.status)))]

    @property
    def node(self) -> Resource:
        """The resource that is picked."""
        return self.nodes[self.resource.value]

    def pictures(self) -> tuple[Picture]:
        return (space_map(printable(self.machine.value), self.root, marked=self.node),)

    def found(self) -> Answer:
        """Explain the chosen access; AccessError or DumpError if it cannot be asked."""
        machines, access = self._asked()
        return explain(machines, access)

    def _asked(self) -> tuple[Machines, Any]:
        known = self.known
        if LOCKDOWN[self.lockdown.value] is not None:
            known = replace(known, lockdown=LOCKDOWN[self.lockdown.value])
        access = access_of(
            known,
            address=self.node.start + number(self.offset.value),
            length=number(self.length.value),
            via=self.via.value,
            op=self.op.value,
        )
        return Machines(known), access

    def _set_machine(self, name: str, address: int | None = None) -> None:
        self.known = self.machines[name]
        assert self.known.iomem is not None
        self.root = tree_of(self.known.iomem, root_end=(1 << needed_bits(self.known)) - 1)
        self.nodes = dict(_labelled(self.root, 0))
        at = [label for label, node in self.nodes.items() if node.start == address]
        self.resource.options = list(self.nodes)
        self.resource.value = at[-1] if at else next(iter(self.nodes))

    def _show(self, name: str) -> None:
        # One answer for the machine, not one for each change of the resource.
        self.resource.unobserve(self.redraw, "value")
        self._set_machine(name)
        self.resource.observe(self.redraw, "value")
        self.redraw()

    def _uploaded(self, _: Any) -> None:
        for item in self.upload.value:
            name, content = printable(item["name"]), bytes(item["content"])
            try:
                known = _read(self.known, name, content)
            except DumpError as error:
                self.note.value = f"<b>{safe(str(error))}</b>"
                return
            self.machines[name] = known
            self.machine.options = list(self.machines)
            self.machine.value = name
            self.note.value = f"{safe(name)} was read."

    def _tapped(self, _: Any) -> None:
        node = node_at(self.root, *self.panes[0].tapped)
        for label, one in self.nodes.items():
            if one is node:
                self.resource.value = label

    def _answer(self, _: Any) -> None:
        self.status.value = self.sentence()

    def sentence(self) -> str:
        try:
            if self.got.value == PREDICT:
                return as_html(self.found())
            machines, access = self._asked()
            found = causes(machines, access, self.got.value)
            return causes_html(access, self.got.value, found)
        except ValueError as error:
            return f"<b>{safe(str(error))}</b>"

    def summary(self) -> str:
        try:
            said = format_outcome(self.found().verdict)
        except AccessError as error:
            said = str(error)
        size = size_of(self.node.size)
        return f"{self.machine.value}: {self.resource.value.strip()}, {size}: {said}"


def _labelled(parent: Resource, depth: int) -> Iterator[tuple[str, Resource]]:
    """The nodes below one, in order, each with its label in a list of choices."""
    for node in parent.children:
        indent = "\u2007\u2007" * depth  # figure spaces: a list of choices keeps them
        yield f"{indent}{node.start:x}-{node.end:x} {printable(node.name)}", node
        yield from _labelled(node, depth + 1)


def _read(known: Description, name: str, content: bytes) -> Description:
    """Read an uploaded text: a dump makes a new machine, lspci's output adds to the one shown."""
    try:
        return Description(iomem=dump_of(content, name))
    except DumpError as error:
        try:
            return with_lspci(known, content, name)
        except DumpError:
            raise error from None
