"""One executed notebook as one HTML file that loads nothing, and printed as PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from devmemkit.artifact.stepping import explorers
from devmemkit.artifact.strip import INJECTED, WIDGET_VIEW
from devmemkit.figures.text import VALUES
from devmemkit.host.child import ending_with_us
from devmemkit.host.scratch import scratch
from devmemkit.site import embed, style

HERE = Path(__file__).parent
ERROR_MARKER = "papermill-error-cell-tag"
PAPER = "paper"
"""What a notebook's metadata `devmemkit.layout` says when it is set as a paper: without code."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 120


class Home(NamedTuple):
    """Where a page of a notebook lies: its way to the page that lists all, and to a site."""

    home: str
    site: str


REPORT = Home("index.html", "../site/")


def css() -> str:
    """The report's style sheet: what it shares with the site, code, and its own."""
    from pygments.formatters import HtmlFormatter

    light, dark = (
        str(HtmlFormatter(style=one).get_style_defs(".highlight"))
        for one in ("default", "github-dark")
    )
    return style.base((light, dark)) + (HERE / "report.css").read_text("utf-8")


def title(notebook: Mapping[str, Any], otherwise: str) -> str:
    """The notebook's first heading as plain text, or `otherwise`."""
    for cell in notebook["cells"]:
        heading = re.search(r"^#{1,6}\s+(.+?)\s*#*$", cell["source"], re.MULTILINE)
        if heading and cell.get("cell_type") == "markdown":
            return _plain(heading[1])
    return otherwise


def opening(notebook: Mapping[str, Any]) -> str:
    """The notebook's first paragraph as plain text, "" if it has none."""
    for cell in notebook["cells"]:
        if cell.get("cell_type") == "markdown":
            for part in re.split(r"\n\s*\n", cell["source"].strip()):
                if part[:1].isalnum() or part[:1] in "*`[":
                    return _plain(" ".join(part.split()))
    return ""


def _plain(text: str) -> str:
    """A line of Markdown without its marks."""
    return re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", text)


def figures(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The SVG of each figure of an executed notebook by the name of its file, in their order."""
    found = [one["image/svg+xml"] for one in _pictures(notebook)]
    return {f"{number:02}.svg": "".join(svg) for number, svg in enumerate(found, 1)}


def _pictures(notebook: Mapping[str, Any]) -> Iterator[Any]:
    """The data of each output that has a picture."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if "image/svg+xml" in output.get("data", {}):
                yield output["data"]


def is_paper(notebook: Mapping[str, Any]) -> bool:
    """Whether a notebook is set as a paper."""
    return bool(notebook["metadata"].get("devmemkit", {}).get("layout") == PAPER)


def page(notebook: Any, name: str, failure: str = "", home: Home = REPORT, folder: str = "") -> str:
    """The HTML page of an executed notebook (an nbformat node, changed in place).

    `name` is its stem. Widgets are left to the snapshot shown beside them, and explorers step
    through their states. `failure` is the sentence of a run that stopped early, `folder` is where
    `figures` are, to take away. The page's policy lets a browser load nothing but what is inside
    it, and the Python of a site.
    """
    from nbconvert.exporters import HTMLExporter

    steps = explorers(notebook, name)
    for number, data in enumerate(_pictures(notebook) if folder else (), 1):
        if "text/html" in data:
            file = quote(f"{folder}/{number:02}.svg")
            data["text/html"] += f'<p class="take"><a href="{file}" download>SVG</a></p>'
    notebook.metadata.pop("widgets", None)
    notebook.cells = [c for c in notebook.cells if ERROR_MARKER not in c.metadata.get("tags", ())]
    paper = is_paper(notebook)
    for cell in notebook.cells:
        if INJECTED in cell.metadata.get("tags", ()):
            cell.id = INJECTED
        if cell.cell_type == "code":
            # named values are stored, and not shown
            shown = (one for one in cell.outputs if VALUES not in one.get("data", {}))
            cell.outputs = [one for one in shown if not _only_widget(one)]
            for one in cell.outputs:
                if "text/html" in one.get("data", {}):
                    one.data["text/html"] = _breakable(one.data["text/html"])
    exporter = HTMLExporter(
        template_name="lab",
        raw_template=(HERE / "report.html.j2").read_text("utf-8"),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    told = {"title": title(notebook, name), "failure": failure, **home._asdict()}
    scripts = {"scripts": embed.scripts(), "policy": embed.policy()} if steps else {}
    report = {"report": {**told, **scripts, "css": css(), "paper": paper}}
    html, _ = exporter.from_notebook_node(notebook, report)
    return re.sub(r'(<a [^>]*href=")([\w-]+)\.ipynb"', r'\1\2.html"', str(html))  # its page, here


def _breakable(html: str) -> str:
    """The HTML of an output: a table's row that begins with a name may break it after a "_"."""

    def broken(cell: re.Match[str]) -> str:
        return cell[1] + re.sub("(?<=[^_])_(?=[^_])", "_<wbr>", cell[2])

    return re.sub(r"(<tr><td[^>]*>(?:<span[^>]*>)?)([^<>\s]+)(?=</)", broken, html)


def _only_widget(output: Any) -> bool:
    """Whether an output is a widget and nothing else; drops the widget's view from the others."""
    data = output.get("data", {})
    return bool(data.pop(WIDGET_VIEW, None)) and set(data) <= {"text/plain"}


def print_pdf(page: Path, target: Path) -> bool:
    """Print an HTML file; False if there is no browser. RuntimeError if printing failed."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return False
    with scratch() as profile:
        command = ending_with_us(
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", f"--user-data-dir={profile}"),
            *("--no-pdf-header-footer", "--virtual-time-budget=10000"),
            *(f"--print-to-pdf={target.resolve()}", page.resolve().as_uri()),
        )
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
    if not target.is_file():
        last = done.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(f"{Path(browser).name} printed no PDF: {last}")
    return True
