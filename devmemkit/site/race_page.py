"""The HTML of the race: without JavaScript, one schedule of it that stands still."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from devmemkit.site.graphs import LETTERS

STILL = "6.12"
"""The kernel whose level is shown without JavaScript."""


def race_section(data: dict[str, Any]) -> str:
    """The race of mmap and claim, scheduled by hand; `data` is that of graphs.data()."""
    return f"""<p class="lead">You are the scheduler. A process maps a page of device memory while a
driver claims it, each step by step. Order their steps so that the process still reaches the page
when the driver believes that it has the page alone.</p>
<div id="race-game" class="race">
{still(data, next(level for level in data["levels"] if level["kernel"] == STILL))}
</div>"""


def still(data: dict[str, Any], level: dict[str, Any]) -> str:
    """The shortest schedule of a level of the race."""
    graph = data["graphs"][level["graph"]]
    functions = data["kernels"][level["kernel"]]["functions"]
    rows, at = [], 0
    for letter, count in re.findall(r"([A-Za-z])(\d+)", graph["schedule"]):
        actor = next(one for one in graph["actors"] if LETTERS[one] == letter)
        place = 2 * graph["actors"].index(actor)
        for _ in range(int(count)):
            at, label = graph["moves"][at][place : place + 2]
            step, ends = data["labels"][label]
            name, says = data["steps"][step]
            page, region, _ = data["moments"][graph["states"][at]]
            rows.append(
                f'<li class="{actor}"><span class="hidden">{actor}: </span><span class="what">'
                f"<code>{escape(functions[step] or name)}</code> "
                f"<b>{escape(ends)}</b><small>{escape(says)}</small></span>"
                f'<span class="ribbon" data-page="{page}" data-region="{region}">'
                f'<span class="hidden">{page}</span></span></li>'
            )
    end = data["pages"][data["moments"][graph["states"][at]][0]]
    return f"""<div class="board">
<h3>Linux {escape(level["kernel"])}, the shortest schedule: {len(rows)} steps</h3>
<div class="console"><h4 class="process">Process <code>mmap()</code></h4>
<h4 class="driver">Driver <code>request_mem_region()</code></h4></div>
<ol class="rows still">
{"".join(rows)}
</ol>
<p class="said">{escape(end)}</p>
</div>"""
