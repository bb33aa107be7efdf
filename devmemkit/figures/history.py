"""The history: one row a change, with its release; releases after a chosen one are subdued."""

from __future__ import annotations

from devmemkit.figures.frame import INNER, with_margins, wrapped
from devmemkit.figures.marks import Axis, Marks, Picture
from devmemkit.model.features import FEATURES, Row, is_between

DOT, NAME, TEXT = 8, 22, 66
LINE, GAP = 15, 9
"""Heights in px: of a line of text, between two releases."""

TOLD = {
    "policy": "claims and mappings",
    "attribute_mapping": "resourceN",
    "sysram_rule": "excluded ranges",
    "memtype_lives": "cache types",
    "devmem_mmap": "mmap of /dev/mem",
    "resource_files": "resource files",
}
"""The features whose changes matter to the question, and their subjects."""


def milestones() -> list[Row]:
    """The changes that matter to the question, oldest first, one row a release."""
    rows = [row for row in FEATURES if row.feature in TOLD and row.version != "0"]
    rows = [row for row in rows if (row.version, row.feature) != ("5.12", "attribute_mapping")]
    return sorted(rows, key=lambda row: [int(part) for part in row.version.split(".")])


@with_margins
def history(now: str) -> Picture:
    """Picture the milestones from top to bottom; those after release `now` are subdued."""
    marks, rows = Marks(), milestones()
    y = last = 0.0
    for row in rows:
        is_in = is_between(now, row.version, "")
        ink = "ink" if is_in else "muted"
        tip = f"v{row.version}: {row.what}\n{row.commit or 'seen in measurements'}"
        marks.marker(DOT, y, "circle" if is_in else "dot", "now" if is_in else "muted", tip)
        marks.text(NAME, y, f"v{row.version}", "strong", ink)
        lines = wrapped(f"{TOLD[row.feature]}: {row.what}", "plain", INNER - TEXT)
        for number, line in enumerate(lines):
            marks.text(TEXT, y + number * LINE, line, role=ink)
        last = y
        y += len(lines) * LINE + GAP
    marks.line(DOT, 0, DOT, last, "grid")
    told = "; ".join(f"v{row.version}: {row.what}" for row in rows)
    return Picture(
        name="history",
        title="What each release changed",
        alt=f"What each release changed, up to Linux {now} in force: {told}.",
        x=Axis("", 0, INNER),
        y=Axis("", y, -LINE),
        marks=marks,
        height=int(y + LINE),
        legend=(("now", f"in Linux {now}"), ("muted", "later")),
    )
