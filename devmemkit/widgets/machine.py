"""The machine explorer: pick or upload a dump, click a resource, choose an access, read why."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import OPS, VIAS, AccessError, access_of, number
from devmemkit.explain.answer import as_html, format_verdict
from devmemkit.explain.cases import Machines, needed_bits
from devmemkit.explain.description import Description, dump_of, with_lspci
from devmemkit.explain.explanation import explain
from devmemkit.explain.symptom import SYMPTOMS, causes, causes_html
from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import node_at, rows_of, size_of, space_map
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.text import TextError
from devmemkit.text.html import safe
from devmemkit.text.iomem_tree import tree_of
from devmemkit.widgets import kit as w
from devmemkit.widgets.explorer import WIDE, Explorer, dropdown, row

PREDICT = "what happens"
DESCRIBED = "as described"
INDENT = "\u2007\u2007"
"""Figure spaces: a list of choices keeps them."""


class MachineExplorer(Explorer):
    """Shows one described machine, and the answer for one access to it.

    `machines` are descriptions by name, the first is shown; `address` is that of the resource
    picked at first.
    """

    def __init__(self, machines: dict[str, Description], address: int, via: str, op: str) -> None:
        self.machines = dict(machines)
        self.machine = dropdown("machine", machines, next(iter(machines)))
        self.upload = w.FileUpload(description="a dump, or lspci -v", layout=w.Layout(width="auto"))
        self.resource = w.Dropdown(description="resource", style=WIDE)
        self.via = dropdown("through", VIAS[:3], via)
        self.op = dropdown("operation", OPS, op)
        self.length = w.Text("4K", description="length", style=WIDE, continuous_update=False)
        self.offset = w.Text("0", description="offset", style=WIDE, continuous_update=False)
        self.lockdown = dropdown("lockdown", [DESCRIBED, "none", "integrity"], DESCRIBED)
        self.got = dropdown("it gave", [PREDICT, *SYMPTOMS], PREDICT)
        self.note = w.HTML()
        self._set_machine(address)
        asked = (self.via, self.op, self.offset, self.length, self.lockdown, self.got)
        super().__init__(
            (self.machine, self.upload),
            (self.note,),
            (self.resource, *asked),
            (w.HTML("Click a region, or choose it above."),),
        )
        self.panes[0].observe(self._tapped, "tapped")

    def arranged(self, rows: list[w.Widget]) -> list[w.Widget]:
        half = w.Layout(flex="1 1 420px", min_width="0")
        return [*rows, row(*(w.Box([part], layout=half) for part in (*self.panes, self.status)))]

    @property
    def node(self) -> Resource:
        """The resource that is picked."""
        return self.nodes[self.resource.value]

    def pictures(self) -> tuple[Picture]:
        return (space_map(printable(self.machine.value), self.root, marked=self.node),)

    def _asked(self) -> tuple[Machines, Any]:
        """The machine and the access chosen; AccessError or TextError if it cannot be asked."""
        known = self.known
        if self.lockdown.value != DESCRIBED:
            known = replace(known, lockdown=self.lockdown.value)
        access = access_of(
            known,
            address=self.node.start + number(self.offset.value),
            length=number(self.length.value),
            via=self.via.value,
            op=self.op.value,
        )
        return Machines(known, access), access

    def update(self, control: w.Widget | None) -> None:
        if control is self.upload:
            self._take_upload()
        elif control is self.machine:
            self._set_machine(self.node.start)

    def _set_machine(self, address: int) -> None:
        """Show the chosen machine, with the resource at that address if there is one."""
        self.known = self.machines[self.machine.value]
        assert self.known.iomem is not None
        self.root = tree_of(self.known.iomem, root_end=(1 << needed_bits(self.known)) - 1)
        self.nodes = {
            f"{INDENT * row.depth}{row.node.start:x}-{row.node.end:x} "
            f"{printable(row.node.name)}": row.node
            for row in rows_of(self.root)
            if not row.gap
        }
        at = [label for label, node in self.nodes.items() if node.start == address]
        self.resource.options = list(self.nodes)
        self.resource.value = at[-1] if at else next(iter(self.nodes))

    def _take_upload(self) -> None:
        for item in self.upload.value:
            name = printable(item["name"])
            try:
                self.machines[name] = _read(self.known, name, bytes(item["content"]))
            except TextError as error:
                self.note.value = f"<b>{safe(str(error))}</b>"
                return
            self.machine.options = list(self.machines)
            self.machine.value = name
            self._set_machine(self.node.start)
            self.note.value = f"{safe(name)} was read."

    def _tapped(self, _: Any) -> None:
        node = node_at(self.root, *self.panes[0].tapped)
        for label, one in self.nodes.items():
            if one is node:
                self.resource.value = label

    def sentence(self) -> str:
        try:
            machines, access = self._asked()
            if (got := self.got.value) == PREDICT:
                return as_html(explain(machines, access))
            return causes_html(access, got, causes(machines, access, got))
        except ValueError as error:
            return f"<b>{safe(str(error))}</b>"

    def summary(self) -> str:
        try:
            said = format_verdict(explain(*self._asked()).verdict)
        except AccessError as error:
            said = str(error)
        size = size_of(self.node.size)
        return f"{self.machine.value}: {self.resource.value.strip()}, {size}: {said}"


def _read(known: Description, name: str, content: bytes) -> Description:
    """Read an uploaded text: a dump makes a new machine, lspci's output adds to the one shown."""
    try:
        return Description(iomem=dump_of(content, name))
    except TextError:
        with suppress(TextError):
            return with_lspci(known, content, name)
        raise
