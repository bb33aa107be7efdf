"""Pictures for tests: an address map and a timeline, with the hostile names that dumps may hold."""

from devmemkit.figures.marks import Axis, Layer, Picture

HOSTILE = '<img src=x onerror="window.hacked=1"> $$x^2$$ & "q" \x1b \udc80'


def address_map(zapped: int = 2, name: str = "address-map", height: int = 300) -> Picture:
    """Four pages beside a region that a driver has claimed; the first `zapped` are dead."""
    rows = range(4)
    roles = ["zapped" if row < zapped else "live" for row in rows]
    tree = {
        "left": [0, 2, 4],
        "right": [46, 45, 44],
        "bottom": [0, 0.2, 0.4],
        "top": [5, 4.6, 0.4 + zapped],
        "role": ["bus", "idle", "claimed"],
        "tip": ["PCI Bus 0000:00", f"0000:00:04.0\n{HOSTILE}", "toy"],
    }
    pages = {
        "left": [60] * 4,
        "right": [96] * 4,
        "bottom": [row + 0.4 for row in rows],
        "top": [row + 1.3 for row in rows],
        "role": roles,
        "tip": [f"page {row}: {role}" for row, role in zip(rows, roles, strict=True)],
    }
    names = {
        "x": [2, 60, 96],
        "y": [4.2, 0.85, 0.85],
        "text": [HOSTILE, "page", "fe800000"],
        "role": ["ink", "ink", "muted"],
        "style": ["plain", "strong", "code"],
        "anchor": ["left", "left", "right"],
        "dx": [7, 7, -7],
        "room": [20, None, None],
    }
    return Picture(
        name=name,
        title=f"A driver claims fe800000 {HOSTILE}",
        alt=f"The first {zapped} of four pages are zapped. {HOSTILE}",
        x=Axis("", 0, 100),
        y=Axis("physical address", 0, 5.4, ((0.4, "fe800000"), (5, HOSTILE))),
        layers=(
            Layer("tree", "quad", tree),
            Layer("pages", "quad", pages),
            Layer("names", "text", names),
        ),
        height=height,
        legend=(
            ("idle", "unclaimed"),
            ("claimed", HOSTILE),
            ("live", "live page"),
            ("zapped", "zapped page"),
        ),
    )


def timeline(now: int = 0) -> Picture:
    """Three steps in three lanes, the current one outlined."""
    boxes = {
        "left": [0.1, 1.1, 2.1],
        "right": [0.9, 1.9, 2.9],
        "bottom": [1.7, 0.7, -0.3],
        "top": [2.3, 1.3, 0.3],
        "role": ["process", "driver", "kernel"],
    }
    results = {
        "x": [0.9, 1.9, 2.9],
        "y": [2.3, 1.3, 0.3],
        "shape": ["circle", "diamond", "x"],
        "role": ["ok", "blocked", "error"],
    }
    lanes = {
        "x0": [0, 0, 0],
        "x1": [3, 3, 3],
        "y0": [0, 1, 2],
        "y1": [0, 1, 2],
        "role": ["grid"] * 3,
        "dash": ["solid", "dashed", "dotted"],
    }
    outline = {"left": [now], "right": [now + 1], "bottom": [-0.45], "top": [2.45], "role": ["now"]}
    return Picture(
        name="timeline",
        title="Steps",
        alt=f"Three steps; step {now + 1} is the current one.",
        x=Axis("step", 0, 3, ((0.5, "1"), (1.5, "2"), (2.5, "3"))),
        y=Axis("", -0.5, 2.5, ((2, "process"), (1, "driver"), (0, "kernel"))),
        layers=(
            Layer("lanes", "segment", lanes),
            Layer("boxes", "quad", boxes),
            Layer("results", "marker", results),
            Layer("now", "outline", outline),
        ),
        height=220,
        legend=(("ok", "succeeds"), ("error", "fails"), ("grid", "lane"), ("now", "current step")),
    )
