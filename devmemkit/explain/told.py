"""What the command tells about a question: the answer for an access, or the causes of a symptom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from devmemkit.explain.access import Access
from devmemkit.explain.answer import Answer, as_json, as_text
from devmemkit.explain.cases import Machines
from devmemkit.explain.cause import Cause
from devmemkit.explain.explanation import explain, notes_on
from devmemkit.explain.symptom import UNDECIDED, causes_text, symptom_on
from devmemkit.model.printable import printable
from devmemkit.text.message import tells_failure


@dataclass(frozen=True)
class Told:
    """The access that is asked about, and its `answer`; or, for the symptom `got`, its `causes`."""

    machines: Machines
    access: Access
    got: str
    causes: tuple[Cause, ...]
    answer: Answer | None
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        if self.answer is not None:
            return as_text(self.answer)
        return causes_text(self.access, self.got, self.causes, self.notes)

    @property
    def json(self) -> str:
        if self.answer is not None:
            return json.dumps(as_json(self.answer), indent=1)
        causes = [asdict(cause) for cause in self.causes]
        told = {"access": str(self.access), "got": self.got, "causes": causes, "notes": self.notes}
        return json.dumps(told)


def told(
    machines: Machines,
    access: Access,
    symptom: str,
    causes: tuple[Cause, ...],
    *,
    got: str | None = None,
    strace: str = "",
    notes: Sequence[str] = (),
) -> Told:
    """What is told about what asked_of found, after `notes`.

    `got` is the symptom as it was said, `strace` the lines that must show the file.
    """
    if strace and (access.bdf or access.file) not in strace:
        notes = (
            *notes,
            f"the lines do not show the descriptor's file, which is taken for {access.file} "
            "(strace -y shows it)",
        )
    if not symptom:
        answer = explain(machines, access)
        said = (*notes, *answer.notes)
        return Told(machines, access, "", (), replace(answer, notes=said), said)
    said = (*notes, *notes_on(machines.known, access))
    if tells_failure(symptom):
        return Told(machines, access, UNDECIDED, causes, None, said)
    name = symptom_on(machines, access, symptom).name
    if got and got.strip() != name:
        shown = printable(" ".join(got.split())[:100])
        read_as = {"": "a conflict of cache types", "ok": "a warning"}.get(name, name)
        said = (f"'{shown}' was read as {read_as}", *said)
    return Told(machines, access, name, causes, None, said)
