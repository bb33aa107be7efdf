"""A browser page that may only talk to this machine, and a JupyterLab to open in it."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

PATIENCE = 180_000  # ms until a test gives up; what it takes: benchmarks/explorer.py --browser

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# How many pixels of the figure are painted, over its canvases in all shadow roots.
PAINTED = """(root) => {
  let count = 0;
  const walk = (node) => {
    for (const element of node.querySelectorAll("*")) {
      if (element instanceof HTMLCanvasElement) {
        const data = element.getContext("2d")
          .getImageData(0, 0, element.width, element.height).data;
        for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
      }
      if (element.shadowRoot) walk(element.shadowRoot);
    }
  };
  walk(root);
  return count;
}"""
# The Bokeh document of the pane last in the page, by its picture's name.
PANE = """(name) => [...document.querySelectorAll(`[data-pane="${name}"]`)].at(-1)?.bokeh"""
COLUMN = f"([name, source, column]) => ({PANE})(name)?.get_model_by_name(source).data[column]"
SHOWN = f"""([name, wanted]) => Object.entries(wanted).every(([source, columns]) => {{
  const data = ({PANE})(name)?.get_model_by_name(source).data;
  return Object.entries(columns).every(
    ([column, values]) => JSON.stringify([...(data?.[column] ?? [])]) === JSON.stringify(values));
}})"""

# JupyterLab draws only the cells that are in view.
SCROLLED_TO = """(name) => {
  const panel = document.querySelector(".jp-WindowedPanel-outer");
  const explorer = document.querySelector(".jp-OutputArea select");
  if (explorer) explorer.scrollIntoView();
  else panel.scrollTop = (panel.scrollTop + 400) % panel.scrollHeight;
  return explorer?.closest(".jp-OutputArea").querySelector(`[data-pane="${name}"]`);
}"""

# Renders a pane outside of JupyterLab, into an element of this id; `window.panes[id]` has its
# element, its traits, and `set`, which changes traits as a message from the kernel would.
MOUNT = """async ([id, esm, traits, attach]) => {
  const source = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: widget } = await import(source);
  const handlers = [];
  const model = {
    get: (name) => traits[name],
    set: (name, value) => { traits[name] = value; },
    save_changes: () => {},
    on: (event, handler) => handlers.push([event, handler]),
  };
  const set = (values) => {
    Object.assign(traits, values);
    for (const [event, handler] of handlers) if (event.slice(7) in values) handler();
  };
  const el = document.createElement("div");
  el.id = id;
  if (attach) document.body.append(el);
  (window.panes ||= {})[id] = { el, traits, set };
  widget.render({ model, el });
}"""


def mount(page, name, pane, attach=True):
    """Render a pane in a page that has BokehJS; its element is in the page if `attach`."""
    traits = {key: getattr(pane, key) for key in ("item", "state", "still", "place", "tapped")}
    page.evaluate(MOUNT, [name, pane._esm, traits, attach])


def load_bokehjs(page):
    """Put BokehJS into a page that is no notebook."""
    from bokeh.resources import Resources

    [script] = Resources(mode="absolute", components=["bokeh"], minified=True).js_files
    page.add_script_tag(path=script)
    page.evaluate("window.devmemkit = { bokeh: Promise.resolve(window.Bokeh) }")


def run_all(page, address, notebook):
    """Open a notebook in JupyterLab, in a workspace of its own, and run all cells."""
    page.goto(f"{address}/lab/workspaces/{notebook}/tree/{notebook}.ipynb")
    run_cells(page)


def run_cells(page):
    """Run all cells of the notebook that is open."""
    # The kernel drops requests that come before it is idle.
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for(timeout=PATIENCE)
    page.locator(".lm-MenuBar-itemLabel:text-is('Run')").click()
    page.locator(".lm-Menu-itemLabel:text-is('Run All Cells')").click()


def scroll_to_explorer(page, pane):
    """Wait until the notebook's explorer is in view and a pane of it (by name) is drawn."""
    page.wait_for_function(SCROLLED_TO, arg=pane, polling=500, timeout=PATIENCE)


def wait_for_columns(page, picture):
    """Wait until the last pane of the picture's name holds its marks; fail if it never does."""
    from devmemkit.figures.bokeh_figure import sources

    arg = [picture.name, sources(picture)]
    page.wait_for_function(SHOWN, arg=arg, timeout=PATIENCE)


class Watched:
    """A page that may only talk to this machine, and everything it complained about."""

    def __init__(self, browser, **options):
        self.complaints, self.foreign = [], []
        self.page = browser.new_page(**options)
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/*", self._route)

    def _console(self, message):
        # JupyterLab on a busy machine
        slow = re.search(
            r"took [\d.]+ms to activate|taking too long to activate|did not appear within \d+ ms",
            message.text,
        )
        if message.type in ("error", "warning") and not slow:
            self.complaints.append(message.text)

    def _route(self, route):
        if re.match(r"(http://127\.0\.0\.1:|file:|data:|blob:)", route.request.url):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def check(self):
        assert not self.complaints, self.complaints
        assert not self.foreign, self.foreign
        assert self.page.evaluate("window.hacked") is None


@contextmanager
def serve_lab(root):
    """JupyterLab on a folder, with nobody's settings; its address."""
    (root / "home").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"HOME": str(root / "home")}
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        env[name] = str(root / "home" / name.lower())
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--ServerApp.password=", "--LabApp.news_url=None",
    ]  # fmt: skip
    with (root / "home" / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            while True:  # it answers or it ends, however long that takes
                try:
                    with urllib.request.urlopen(f"{address}/api/status", timeout=2):
                        break
                except OSError:
                    assert server.poll() is None, (root / "home" / "log").read_text()
                    time.sleep(0.25)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:  # it waits for a kernel that had just been asked for
                server.kill()
                server.wait()
