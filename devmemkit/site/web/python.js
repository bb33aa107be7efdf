"use strict";
// Python in a worker: dk.python.ask(message, progress) promises its answer and calls `progress` with
// what is said meanwhile; dk.python.cancel() ends what runs. A classic script, as a page that is
// opened as a file loads no modules.
window.dk ??= {};
dk.python = (() => {
  const waiting = new Map(); // by id: {resolve, reject, progress}
  const told = new Set(); // who wants to know the state
  let worker = null;
  let last = 0;
  let state = { stage: "not started" };

  function tell(next) {
    state = next;
    for (const listen of told) listen(state);
  }

  function received({ data }) {
    if (data.id === undefined) return tell(data);
    const { resolve, reject, progress } = waiting.get(data.id);
    if (data.progress) return progress?.(data.progress);
    waiting.delete(data.id);
    if (data.failed) reject(new Error(data.failed));
    else resolve(JSON.parse(data.answer));
  }

  function start() {
    if (worker) return;
    if (location.protocol === "file:") return tell({ file: true });
    // A worker made from a blob inherits the page's policy; one made from an address does not.
    const folder = document.body.dataset.site ?? "";
    const address = new URL(`${folder}worker.js`, document.baseURI).href;
    const begin = `import(${JSON.stringify(address)})
      .catch((error) => postMessage({ failed: String(error) }));`;
    const blob = new Blob([begin], { type: "text/javascript" });
    const url = URL.createObjectURL(blob);
    try {
      worker = new Worker(url, { type: "module" });
    } catch (error) {
      return tell({ failed: String(error) });
    }
    worker.onmessage = received;
    worker.onerror = (event) => tell({ failed: event.message || "the worker cannot be started" });
  }

  // Resolves when Python is there; what is asked before waits.
  function live() {
    return new Promise((resolve, reject) => {
      const listen = (now) => {
        if (now.file) reject(new Error("this page was opened as a file: Python needs a web server"));
        else if (now.failed) reject(new Error(now.failed));
        else if (!now.live) return told.add(listen);
        else resolve();
        told.delete(listen);
      };
      listen(state);
    });
  }

  return {
    start,
    async ask(message, progress) {
      await live();
      return new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject, progress });
        worker.postMessage({ id, message: JSON.stringify(message) });
      });
    },
    // Python cannot be interrupted: its worker ends, and a new one starts.
    cancel() {
      worker?.terminate();
      worker = null;
      for (const { reject } of waiting.values()) reject(new Error("cancelled"));
      waiting.clear();
      tell({ stage: "starting Python anew" });
      start();
    },
    onstate(listen) {
      told.add(listen);
      listen(state);
    },
  };
})();
// On the start page Python starts after the first paint, and the page says so.
addEventListener("load", () => {
  const shown = document.getElementById("python");
  if (!shown) return;
  const texts = ({ stage, live, failed, file }) => {
    if (live) return "Python runs in this page: all of it is live.";
    if (failed) return `Python did not start (${failed}). What was made beforehand works.`;
    if (file)
      return "Opened as a file: what was made beforehand works. For the rest, serve this folder: " +
        "python3 -m http.server, then open the address that it prints.";
    return `Python starts in the background (${stage}): what was made beforehand works already.`;
  };
  dk.python.onstate((state) => {
    shown.textContent = texts(state);
  });
  requestAnimationFrame(() => setTimeout(dk.python.start, 0));
});
