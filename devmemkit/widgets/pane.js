// A figure that changes in place. With `item`, the figure as Bokeh's JSON, and `state`, what may
// change of it and the backdrop as HTML; or with `still`, the figure as HTML, and `place`, where its
// axes run.
const [DARK_OF, SCROLLER] = CONSTANTS;
const LIGHT_OF = Object.fromEntries(Object.entries(DARK_OF).map(([light, dark]) => [dark, light]));

// Another widget brings BokehJS into the page, before or after this one.
const kit = (window.devmemkit ||= {});
kit.bokeh ||= new Promise((resolve) => (kit.loaded = resolve));

const system = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => {
  const theme = document.body.dataset.jpThemeLight;
  return theme === undefined ? system.matches : theme === "false";
};

// Calls back on each change of the page's theme until the function that it returns is called.
const onTheme = (callback) => {
  const observer = new MutationObserver(callback);
  const attributeFilter = ["data-jp-theme-light"];
  observer.observe(document.body, { attributes: true, attributeFilter });
  system.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", callback);
  };
};

const recolour = (doc, table) => {
  for (const model of doc.all_models) {
    if (model.palette) model.palette = model.palette.map((colour) => table[colour] ?? colour);
    for (const { attr } of model) {
      if (!attr.endsWith("_color")) continue;
      const { value } = Object(model[attr]); // a colour, or a glyph's { value: colour }
      if (model[attr] in table) model[attr] = table[model[attr]];
      else if (value in table) model[attr] = { ...model[attr], value: table[value] };
    }
  }
};

// Resolves when the element is in the page. JupyterLab draws cells out of view before it puts them
// there, and BokehJS refuses to draw on what is not in the page.
const attached = (element) =>
  new Promise((resolve) => {
    const observer = new ResizeObserver(() => {
      if (!element.isConnected) return;
      observer.disconnect();
      resolve();
    });
    if (element.isConnected) resolve();
    else observer.observe(element);
  });

const rescale = (range, guide, { label, start, end, ticks }) => {
  if (range.start !== start || range.end !== end) {
    range.setv({ start, end, reset_start: start, reset_end: end });
  }
  if (label && guide.axis_label !== label) guide.axis_label = label;
  const places = ticks.map(([at]) => at);
  if (!ticks.length || String(guide.ticker.ticks) === String(places)) return;
  guide.major_label_overrides = new Map(ticks);
  guide.ticker.ticks = places;
};

function renderLive({ model, el, tap }) {
  let shown = null; // { doc, dark, remove } of the figure in the page
  let queue = Promise.resolve(); // changes are applied one after the other
  let removed = false;
  let behind = ""; // the backdrop in the page

  const update = () => {
    const { backdrop, alt, height, axes, columns } = model.get("state");
    const [figure] = shown.doc.roots();
    if (figure.height !== height) figure.height = height;
    rescale(figure.x_range, figure.below[0], axes[0]);
    rescale(figure.y_range, figure.left[0], axes[1]);
    for (const [name, data] of Object.entries(columns)) {
      const source = shown.doc.get_model_by_name(name);
      if (JSON.stringify(source.data) !== JSON.stringify(data)) source.data = data;
    }
    if (behind !== backdrop) below.innerHTML = behind = backdrop;
    el.setAttribute("aria-label", alt);
  };

  const follow = () => {
    const dark = isDark();
    if (!shown || shown.dark === dark) return;
    shown.dark = dark;
    recolour(shown.doc, dark ? DARK_OF : LIGHT_OF);
  };

  const embed = async (item, holder) => {
    const { embed } = await kit.bokeh;
    for (;;) {
      await attached(el);
      try {
        const [view] = await embed.embed_item(item, holder);
        return { doc: view.model.document, dark: false, remove: () => view.remove() };
      } catch (error) {
        if (el.isConnected) throw error; // else it left the page meanwhile
      }
    }
  };

  const draw = async () => {
    const item = model.get("item");
    const { min_width, max_width } = item.doc.roots[0].attributes;
    box.style.minWidth = `${min_width}px`;
    box.style.maxWidth = `${max_width}px`;
    const holder = document.createElement("div");
    holder.style.cssText = "position:absolute;inset:0;visibility:hidden";
    box.append(holder);
    const next = await embed(item, holder);
    if (removed) return next.remove();
    shown?.remove();
    shown = next;
    follow();
    box.replaceChildren(below, holder);
    holder.style.cssText = "position:relative"; // above the backdrop
    shown.doc.roots()[0].on_event("tap", ({ x, y }) => tap(x, y));
    update();
    el.dataset.pane = item.target_id;
    el.bokeh = shown.doc;
  };

  el.style.cssText += SCROLLER; // the box that scrolls where it is narrow
  el.tabIndex = 0;
  el.setAttribute("role", "img");
  const box = document.createElement("div");
  box.style.position = "relative";
  el.append(box);
  const below = document.createElement("div"); // paper, title and legend, as SVG
  below.style.cssText = "position:absolute;inset:0";
  const enqueue = (task) => {
    queue = queue.then(() => removed || task()).catch(console.error);
  };
  model.on("change:item", () => enqueue(draw));
  model.on("change:state", () => enqueue(() => shown && update()));
  const leave = onTheme(follow);
  enqueue(draw);
  return () => {
    removed = true;
    leave();
    shown?.remove();
  };
}

function renderStill({ model, el, tap }) {
  const draw = () => (el.innerHTML = model.get("still"));
  model.on("change:still", draw);
  draw();
  el.addEventListener("click", ({ clientX, clientY }) => {
    const { left, percent, top, bottom, x, y } = model.get("place");
    const box = el.querySelector("img").getBoundingClientRect();
    const across = (clientX - box.left - left) / (box.width * percent / 100);
    const up = (bottom - (clientY - box.top)) / (bottom - top);
    tap(x[0] + across * (x[1] - x[0]), y[0] + up * (y[1] - y[0]));
  });
}

// The sliders of ipywidgets have no name that a screen reader could say, and handles of 16 px.
const nameSliders = () => {
  for (const handle of document.querySelectorAll(".noUi-handle")) {
    const slider = handle.closest(".jupyter-widgets");
    if (!slider) continue;
    slider.style.setProperty("--jp-widgets-slider-handle-size", "24px");
    handle.setAttribute("aria-label", slider.querySelector(".widget-label")?.textContent ?? "");
  }
};

function render({ model, el }) {
  attached(el).then(nameSliders);
  const tap = (x, y) => {
    model.set("tapped", [x, y]);
    model.save_changes();
  };
  return (model.get("still") ? renderStill : renderLive)({ model, el, tap });
}

export default { render };
