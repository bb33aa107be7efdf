"use strict";
// A picture of the package in the page: its SVG as an image, the tips over it, and clicks in the
// units of its axes. Placed by properties of elements: the page's policy allows no style in markup.
window.dk ??= {};
dk.element = (tag, fields = {}, ...children) => {
  const { dataset, style, ...more } = fields;
  const made = Object.assign(document.createElement(tag), more);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(style ?? {})) made.style[name] = value;
  made.append(...children);
  return made;
};
dk.picture = (shown, { ontap, rows = [], onrow } = {}) => {
  const image = dk.element("img", {
    alt: shown.alt,
    height: shown.height,
    src: `data:image/svg+xml,${encodeURIComponent(shown.svg)}`,
  });
  const over = dk.element("div", {
    className: "tips",
    style: { left: `${shown.left}px`, width: `${shown.percent}%` },
  });
  shown.tips.forEach(([left, width, top, height, more, tip], at) => {
    const row = rows[at];
    const place = {
      left: `${left}%`, width: `${width}%`, top: `${top - more}px`, height: `${height + 2 * more}px`,
    };
    if (row && onrow) {
      // One of them is reached by Tab, the others by the arrows.
      const button = dk.element("button", { type: "button", title: tip, style: place, tabIndex: -1 });
      button.setAttribute("aria-label", `ask about ${row.name}`);
      button.onclick = () => onrow(row);
      over.append(button);
    } else over.append(dk.element("i", { title: tip, style: place }));
  });
  const first = over.querySelector("button");
  if (first) first.tabIndex = 0;
  over.onkeydown = (event) => {
    const buttons = [...over.querySelectorAll("button")];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = by && buttons[buttons.indexOf(event.target) + by];
    if (!by) return;
    event.preventDefault();
    if (!next) return;
    for (const one of buttons) one.tabIndex = one === next ? 0 : -1;
    next.focus();
  };
  const inner = dk.element(
    "div",
    { className: "drawn", style: { minWidth: `${shown.min_width}px` } },
    image,
    over,
  );
  if (ontap)
    inner.onclick = (event) => {
      const frame = over.getBoundingClientRect();
      const across = (event.clientX - frame.left) / frame.width;
      const down = (event.clientY - inner.getBoundingClientRect().top - shown.top) /
        (shown.bottom - shown.top);
      const [x0, x1] = shown.x;
      const [y0, y1] = shown.y;
      ontap([x0 + across * (x1 - x0), y1 + down * (y0 - y1)]);
    };
  return dk.element("div", { className: "picture", tabIndex: rows.length ? -1 : 0 }, inner);
};
