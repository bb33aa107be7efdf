// A live figure that changes in place. `item` is the figure as Bokeh's JSON; `state` has title, alt
// text, height, axes and the columns of every layer as they are now.
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

function render({ model, el }) {
  let shown = null; // { doc, remove } of the figure in the page
  let queue = Promise.resolve(); // changes are applied one after the other
  let removed = false;

  const update = () => {
    const { title, alt, height, axes, columns } = model.get("state");
    const [figure] = shown.doc.roots();
    if (figure.height !== height) figure.height = height;
    rescale(figure.x_range, figure.below[0], axes[0]);
    rescale(figure.y_range, figure.left[0], axes[1]);
    for (const [name, data] of Object.entries(columns)) {
      const source = shown.doc.get_model_by_name(name);
      if (JSON.stringify(source.data) !== JSON.stringify(data)) source.data = data;
    }
    if (figure.title.text !== title) figure.title.text = title;
    el.setAttribute("aria-label", alt);
  };

  const draw = async (kit) => {
    const item = model.get("item");
    if (!item.doc) return; // nothing drawn yet
    box.style.maxWidth = `${item.doc.roots[0].attributes.max_width}px`;
    const holder = document.createElement("div");
    holder.style.cssText = "position:absolute;inset:0;visibility:hidden";
    box.append(holder);
    const next = await kit.embed(item, holder);
    if (removed) return next.remove();
    shown?.remove();
    shown = next;
    box.replaceChildren(holder);
    holder.style.position = holder.style.visibility = holder.style.inset = "";
    kit.panes[item.target_id] = shown.doc;
    shown.doc.roots()[0].on_event("tap", ({ x, y }) => {
      model.set("tapped", [x, y]);
      model.save_changes();
    });
    update();
  };

  el.style.cssText += SCROLLER; // the box that scrolls where it is narrow
  el.tabIndex = 0;
  el.setAttribute("role", "img");
  const box = document.createElement("div");
  box.style.position = "relative";
  el.append(box);

  (window.devmemkit ||= { queue: [] }).queue.push((kit) => {
    const enqueue = (task) => {
      queue = queue.then(() => removed || task()).catch(console.error);
    };
    model.on("change:item", () => enqueue(() => draw(kit)));
    model.on("change:state", () => enqueue(() => shown && update()));
    enqueue(() => draw(kit));
  });
  return () => {
    removed = true;
    shown?.remove();
  };
}

export default { render };
