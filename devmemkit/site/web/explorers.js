"use strict";
// The explorers of a page: each steps through states that were computed beforehand, and is live
// when Python is. An element with `data-explorer` holds a still picture until then.
(() => {
  const SLOW = 400; // ms

  function begin(place) {
    const { explorer: name, given } = place.dataset;
    const status = dk.element("span");
    status.setAttribute("role", "status");
    const cancel = dk.element("button", { type: "button", textContent: "Cancel", hidden: true });
    const again = dk.element("button", { type: "button", textContent: "As it opened", hidden: true });
    const hint = dk.element("p", { className: "hint" });
    place.before(dk.element("p", { className: "controls" }, status, " ", cancel, " ", again), hint);
    const parts = {}; // by number: what shows a widget's state
    let before = null; // the states computed beforehand
    let live = false;
    let python = {}; // its state
    let running = false;
    let next = null; // the last change while Python worked on an earlier one

    function show(tree, mode) {
      for (const number of Object.keys(parts)) delete parts[number];
      place.replaceChildren(dk.built(tree, parts, change));
      place.classList.add(mode);
    }

    function explain() {
      const why = python.file ? "opened as a file, it has none: serve the folder (python3 -m http.server)"
        : python.failed ? `it did not start (${python.failed})`
        : `it starts in the background (${python.stage ?? "soon"})`;
      hint.textContent = live || !before ? "" : `Computed beforehand: ${told(before.computed)}. ` +
        `All others need Python in the page; ${why}.`;
      again.hidden = live || !before || before.first;
    }

    // What was computed, from the labels of each group: single controls, then those of pairs.
    function told(computed) {
      const quoted = (labels) => labels.map((label) => `“${label}”`);
      const alone = quoted(computed.filter((one) => one.length === 1).flat());
      const said = computed.filter((one) => one.length > 1)
        .map((one) => `each combination of ${quoted(one).join(" and ")}`);
      const one = alone.length > 1 ? ", one control at a time" : "";
      if (alone.length) said.unshift(`each value of ${alone.join(", ")}${one}`);
      return said.join("; ");
    }

    function showStill() {
      for (const [number, state] of Object.entries(before.shown)) parts[number](state);
      status.textContent = before.summary;
      explain();
    }

    function change(number, field, value) {
      if (live) return ask(number, field, value);
      const known = before.go(number, field, value);
      showStill(); // a control that was moved to a state that nobody computed moves back
      if (!known) status.textContent = `That choice needs Python. Shown: ${before.summary}`;
    }

    async function ask(number, field, value) {
      if (running) { next = [number, field, value]; return; }
      running = true;
      const slow = setTimeout(() => {
        status.textContent = "searching …";
        cancel.hidden = false;
      }, SLOW);
      const progress = (said) => { if (!cancel.hidden) status.textContent = `${said} …`; };
      try {
        const asked = { do: "change", name, number, field, value };
        const { changes, summary, error } = await dk.python.ask(asked, progress);
        for (const [changed, state] of Object.entries(changes ?? {})) parts[changed]?.(state);
        status.textContent = error ?? summary;
      } catch (error) {
        status.textContent = error.message;
      }
      clearTimeout(slow);
      cancel.hidden = true;
      running = false;
      const waiting = next;
      next = null;
      if (waiting) change(...waiting);
    }

    // Python is there, or is there anew: it takes over where the visitor is.
    async function wake() {
      let path, answer;
      do { // again if the visitor moved on meanwhile
        path = before?.path ?? [];
        const asked = { do: "explorer", name, given: given ? JSON.parse(given) : null, path };
        answer = await dk.python.ask(asked);
      } while (before && String(path) !== String(before.path));
      const { tree, summary, error } = answer;
      if (error) throw new Error(error);
      if (before) {
        const leaves = ({ number, state, children }) =>
          children ? children.flatMap(leaves) : [[number, state]];
        for (const [number, state] of leaves(tree)) parts[number](state);
      } else show(tree, "live");
      live = true;
      place.classList.add("live");
      status.textContent = summary;
      explain();
    }

    const opened = dk.states(name).then((found) => {
      if (live) return;
      before = found;
      show(found.tree, "stepping");
      showStill();
    }).catch((error) => { hint.textContent = error.message; });
    cancel.onclick = () => dk.python.cancel(); // Python starts anew, and takes over again
    again.onclick = () => {
      before.reset();
      showStill();
    };
    opened.then(() => {
      dk.python.onstate((state) => {
        python = state;
        if (!state.live) live = false;
        explain();
        if (state.live) wake().catch((error) => { status.textContent = error.message; });
      });
      dk.python.start();
    });
  }

  // An explorer begins when it comes into view, or when what folds it is opened.
  const waiting = new Set(document.querySelectorAll("[data-explorer]"));
  const once = (place) => waiting.delete(place) && begin(place);
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) once(target);
  }, { rootMargin: "200px" });
  for (const place of waiting) {
    seen.observe(place);
    const fold = place.closest("details");
    fold?.addEventListener("toggle", () => fold.open && once(place));
  }
})();
