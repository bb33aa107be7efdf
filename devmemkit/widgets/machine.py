"""The machine explorer: paste or upload a dump, click a resource, choose an access, read why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import OPS, VIAS, AccessError, access_of, number
from devmemkit.explain.answer import as_html, format_verdict
from devmemkit.explain.cases import Machines
from devmemkit.explain.description import Description
from devmemkit.explain.explanation import explain
from devmemkit.explain.paste import MACHINE, read_paste
from devmemkit.explain.symptom import SYMPTOMS, causes, causes_html
from devmemkit.figures.marks import Picture
from devmemkit.figures.space_map import node_at, role_of, rows_of, size_of, space_map
from devmemkit.model.printable import printable
from devmemkit.model.resource.tree import Resource
from devmemkit.text.html import safe
from devmemkit.text.paste import KINDS, split
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
        self.paste = w.Textarea(
            description="paste",
            placeholder="sudo cat /proc/iomem, and uname -r, lspci -v, ...",
            rows=5,
            style=WIDE,
            layout=w.Layout(flex="1 1 420px"),
            continuous_update=False,
        )
        self.upload = w.FileUpload(
            description="or open files", multiple=True, layout=w.Layout(width="auto")
        )
        self.resource = w.Dropdown(description="resource", style=WIDE)
        self.via = dropdown("through", VIAS[:3], via)
        self.op = dropdown("operation", OPS, op)
        self.length = w.Text("4K", description="length", style=WIDE, continuous_update=False)
        self.offset = w.Text("0", description="offset", style=WIDE, continuous_update=False)
        self.lockdown = dropdown("lockdown", [DESCRIBED, "none", "integrity"], DESCRIBED)
        self.got = dropdown("it gave", [PREDICT, *SYMPTOMS], PREDICT)
        self.note = w.HTML()
        self.refused = ""
        self._set_machine(address)
        asked = (self.via, self.op, self.offset, self.length, self.lockdown, self.got)
        super().__init__(
            (self.paste, self.upload),
            (self.note,),
            (self.machine, self.resource, *asked),
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
        """The machine and the access chosen; AccessError if it cannot be asked."""
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
        self.refused = ""
        if control is self.upload:
            self._take((printable(one["name"]), bytes(one["content"])) for one in control.value)
        elif control is self.paste and control.value.strip():
            self._take([("pasted", control.value.encode("utf-8", "surrogateescape"))])
        elif control is self.machine:
            self._set_machine(self.node.start + self._offset())

    def _offset(self) -> int:
        try:
            return number(self.offset.value)
        except AccessError:
            return 0

    def _set_machine(self, address: int) -> None:
        """Show the chosen machine; the access stays if a resource contains its address."""
        self.known = self.machines[self.machine.value]
        assert self.known.memory is not None
        self.root = self.known.memory
        self.nodes = {
            f"{INDENT * row.depth}{row.node.start:x}-{row.node.end:x} "
            f"{printable(row.node.name)}": row.node
            for row in rows_of(self.root)
            if not row.gap
        }
        around = [label for label, node in self.nodes.items() if node.start <= address <= node.end]
        claimed = [label for label, node in self.nodes.items() if role_of(node) == "claimed"]
        self.resource.options = list(self.nodes)
        self.resource.value = around[-1] if around else next(iter(claimed or self.nodes))
        offset = address - self.node.start if around else 0
        if offset != self._offset():
            self.offset.value = hex(offset)

    def _take(self, texts: Iterable[tuple[str, bytes]]) -> None:
        """Read texts by name: a dump makes a machine, all else adds to the one that is shown."""
        decoded = [(name, text.decode("utf-8", "surrogateescape")) for name, text in texts]
        kinds = {
            name: [*dict.fromkeys(part.kind for part in split(text))] for name, text in decoded
        }
        notes = []
        for name, text in sorted(decoded, key=lambda one: "iomem" not in kinds[one[0]]):
            try:
                self.machines[name] = self._read(name, text, kinds[name])
            except ValueError as error:
                self.refused = f"{error}. The map still shows {self.machine.value}."
                self.note.value = ""
                return
            self.machine.options = list(self.machines)
            self.machine.value = name
            self._set_machine(self.node.start + self._offset())
            notes.append(f"{name}: {', '.join(map(_told, kinds[name]))}")
        self.note.value = "<br>".join(map(safe, notes))

    def _read(self, name: str, text: str, kinds: list[str]) -> Description:
        if not MACHINE.keys() & kinds:
            got = ", ".join(KINDS[kind] for kind in kinds) or "nothing"
            raise ValueError(f"{name}: expected /proc/iomem, lspci -v or the like, got {got}")
        found = read_paste(text, name, Description() if "iomem" in kinds else self.known)
        if found.refused:
            raise ValueError("; ".join(found.refused.values()))
        return found.known

    def _tapped(self, _: Any) -> None:
        node = node_at(self.root, *self.panes[0].tapped)
        for label, one in self.nodes.items():
            if one is node:
                self.resource.value = label

    def sentence(self) -> str:
        if self.refused:
            return f"<b>{safe(self.refused)}</b>"
        try:
            machines, access = self._asked()
            if (got := self.got.value) == PREDICT:
                return as_html(explain(machines, access))
            return causes_html(access, got, causes(machines, access, got))
        except ValueError as error:
            return f"<b>{safe(str(error))}</b>"

    def summary(self) -> str:
        try:
            said = self.refused or format_verdict(explain(*self._asked()).verdict)
        except AccessError as error:
            said = str(error)
        size = size_of(self.node.size)
        return f"{self.machine.value}: {self.resource.value.strip()}, {size}: {said}"


def _told(kind: str) -> str:
    return f"{KINDS[kind]} was read" if kind in MACHINE else f"{KINDS[kind]} is not used here"
