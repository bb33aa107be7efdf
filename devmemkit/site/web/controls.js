"use strict";
// Controls and pictures of an explorer: widgets/standin says which widgets there are, and what is
// in them. dk.built(tree, parts, set) makes their elements.
window.dk ??= {};
dk.built = (() => {
  function labelled(state, control, readout) {
    const label = dk.element("label", { className: "control" });
    label.append(dk.element("span", { textContent: state.description }), control);
    if (readout) label.append(readout);
    return label;
  }

  // A control of each kind: its element, and `update`, which shows another state.
  const KINDS = {
    Selection(state, set) {
      const select = dk.element("select");
      select.onchange = () => set("index", select.selectedIndex);
      const update = ({ options, index }) => {
        const old = [...select.options].map((one) => one.textContent);
        if (String(old) !== String(options))
          select.replaceChildren(...options.map((one) => dk.element("option", { textContent: one })));
        select.selectedIndex = index ?? -1;
      };
      return { element: labelled(state, select), update };
    },
    Slider(state, set, { value, ends, readout, field = "value" }) {
      const range = dk.element("input", { type: "range" });
      const shown = dk.element("output");
      let now = state;
      range.oninput = () => set(field, value.from(range.valueAsNumber, now));
      const update = (next) => {
        now = next;
        const [min, max, step] = ends(next);
        Object.assign(range, { min, max, step });
        if (document.activeElement !== range || !range.matches(":active"))
          range.value = value.to(next);
        shown.textContent = readout(next);
        range.setAttribute("aria-valuetext", shown.textContent);
      };
      return { element: labelled(state, range, shown), update };
    },
    SelectionRangeSlider(state, set) {
      const selects = [0, 1].map(() => dk.element("select"));
      let now = state;
      selects.forEach((select, at) => {
        select.setAttribute("aria-label", `${state.description}, ${at ? "end" : "begin"}`);
        select.onchange = () => {
          const pair = selects.map((one) => one.selectedIndex);
          set("index", pair[0] <= pair[1] ? pair : [pair[at], pair[at]]);
        };
      });
      const update = (next) => {
        now = next;
        selects.forEach((select, at) => {
          if (select.options.length !== now.options.length)
            select.replaceChildren(...now.options.map((one) => dk.element("option", { textContent: one })));
          select.selectedIndex = now.index[at];
        });
      };
      const both = dk.element("span", {}, selects[0], " to ", selects[1]);
      const element = dk.element("div", { className: "control" });
      element.append(dk.element("span", { textContent: state.description }), both);
      return { element, update };
    },
    Text(state, set) {
      const input = dk.element("input", { type: "text", size: 8, spellcheck: false });
      input.onchange = () => set("value", input.value);
      return { element: labelled(state, input), update: ({ value }) => { input.value = value; } };
    },
    Textarea(state, set) {
      const area = dk.element("textarea", { rows: state.rows, spellcheck: false });
      area.placeholder = state.placeholder;
      area.onchange = () => set("value", area.value);
      return { element: labelled(state, area), update: ({ value }) => { area.value = value; } };
    },
    Button(state, set) {
      const button = dk.element("button", { type: "button" });
      button.onclick = () => set("click", null);
      const update = ({ description, icon, tooltip }) => {
        const sign = { "step-backward": "◀", "step-forward": "▶" }[icon] ?? "";
        Object.assign(button, { textContent: description || sign, title: tooltip });
        if (tooltip) button.setAttribute("aria-label", tooltip);
      };
      return { element: button, update };
    },
    FileUpload(state, set) {
      const input = dk.element("input", { type: "file", multiple: true });
      input.onchange = async () => {
        const read = [...input.files].map(async (one) => ({ name: one.name, text: await one.text() }));
        set("value", await Promise.all(read));
      };
      return { element: labelled(state, input), update() {} };
    },
    HTML() {
      const element = dk.element("div", { className: "words" });
      // Made by the package, which escapes names from texts.
      return { element, update: ({ value }) => { element.innerHTML = value; } };
    },
    Pane(state, set) {
      const element = dk.element("div", { className: "pane" });
      const update = (shown) => {
        const at = element.firstChild?.scrollLeft ?? 0;
        element.replaceChildren(dk.picture(shown, { ontap: (place) => set("tapped", place) }));
        element.firstChild.scrollLeft = at;
      };
      return { element, update };
    },
  };
  const whole = (name) => (state, set) =>
    KINDS.Slider(state, set, {
      field: name,
      value: { from: (at) => at, to: (now) => now[name] },
      ends: (now) => (name === "index" ? [0, now.options.length - 1, 1] : [now.min, now.max, 1]),
      readout: (now) => (name === "index" ? now.options[now.index] : `${now.value} of ${now.max}`),
    });
  KINDS.Dropdown = KINDS.Selection;
  KINDS.SelectionSlider = whole("index");
  KINDS.IntSlider = whole("value");
  KINDS.FloatLogSlider = (state, set) =>
    KINDS.Slider(state, set, {
      value: { from: (at) => 10 ** at, to: (now) => Math.log10(now.value) },
      ends: (now) => [now.min, now.max, now.step],
      readout: (now) => now.readout,
    });

  // The element of a widget, and of all below it; `parts` gets, by number, what shows another state.
  return function built({ number, kind, state, children }, parts, set) {
    if (children) {
      const box = dk.element("div", { className: kind.toLowerCase() });
      box.append(...children.map((one) => built(one, parts, set)));
      return box;
    }
    const { element, update } = KINDS[kind](state, (field, value) => set(number, field, value));
    const controls = [element, ...element.querySelectorAll("input, select, textarea")];
    parts[number] = (next) => {
      update(next);
      if (!("disabled" in next)) return;
      for (const one of controls) {
        if ("disabled" in one) one.disabled = next.disabled;
        one.title = next.reason ?? next.tooltip ?? "";
      }
    };
    parts[number](state);
    return element;
  };
})();
