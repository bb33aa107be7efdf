"""Pictures for tests: an address map and a timeline, with the hostile names that dumps may hold."""

from devmemkit.figures.marks import Axis, Marks, Picture

HOSTILE = '<img src=x onerror="window.hacked=1"> $$x^2$$ & "q" \x1b \udc80'


def column(picture, kind, name):
    """One value of every mark of a kind ("rects", "texts", ...), in their order."""
    return [getattr(mark, name) for mark in getattr(picture.marks, kind)]


def address_map(zapped: int = 2, name: str = "address-map", height: int = 300) -> Picture:
    """Four pages beside a region that a driver has claimed; the first `zapped` are dead."""
    marks = Marks()
    marks.rect(0, 46, 5, 0, "bus", "PCI Bus 0000:00")
    marks.rect(2, 45, 4.6, 0.2, "idle", f"0000:00:04.0\n{HOSTILE}")
    marks.rect(4, 44, 0.4 + zapped, 0.4, "claimed", "toy")
    for row in range(4):
        role = "zapped" if row < zapped else "ok"
        marks.rect(60, 96, row + 1.3, row + 0.4, role, f"page {row}: {role}")
    marks.text(2, 4.2, HOSTILE, dx=7, room=20)
    marks.text(60, 0.85, "page", "strong", dx=7)
    marks.text(96, 0.85, "fe800000", "code", "muted", anchor="right", dx=-7)
    return Picture(
        name=name,
        title=f"A driver claims fe800000 {HOSTILE}",
        alt=f"The first {zapped} of four pages are zapped. {HOSTILE}",
        x=Axis("", 0, 100),
        y=Axis("physical address", 0, 5.4, ((0.4, "fe800000"), (5, HOSTILE))),
        marks=marks,
        height=height,
        legend=(
            ("idle", "unclaimed"),
            ("claimed", HOSTILE),
            ("ok", "live page"),
            ("zapped", "zapped page"),
        ),
    )


def timeline(now: int = 0) -> Picture:
    """Three steps in three lanes, the current one outlined."""
    marks = Marks()
    rows = (
        ("kernel", "x", "error", "solid"),
        ("driver", "diamond", "blocked", "dashed"),
        ("process", "circle", "ok", "dotted"),
    )
    for y, (actor, shape, role, dash) in enumerate(rows):
        marks.line(0, y, 3, y, "grid", dash)
        marks.rect(2.1 - y, 2.9 - y, y + 0.3, y - 0.3, actor)
        marks.marker(2.9 - y, y + 0.3, shape, role)
    marks.outline(now, now + 1, 2.45, -0.45, "now")
    return Picture(
        name="timeline",
        title="Steps",
        alt=f"Three steps; step {now + 1} is the current one.",
        x=Axis("step", 0, 3, ((0.5, "1"), (1.5, "2"), (2.5, "3"))),
        y=Axis("", -0.5, 2.5, ((2, "process"), (1, "driver"), (0, "kernel"))),
        marks=marks,
        height=220,
        legend=(("ok", "succeeds"), ("error", "fails"), ("grid", "lane"), ("now", "current step")),
    )
