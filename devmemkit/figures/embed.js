// What runs in the page beside BokehJS: live figures in place of their images, in the page's
// colours. Called once with the table of colours, light -> dark, and the two papers. Code that
// comes too early waits in window.devmemkit.queue; every entry is a function of the kit.
(darkOf, paper) => {
  const kit = (window.devmemkit ||= { queue: [] });
  if (kit.embed) return;
  kit.panes = {}; // name -> the Bokeh document of the pane drawn last
  kit.figures = {}; // the same for figures that show() put into a page
  const documents = new Map(); // document -> { element, dark }: where it is, how its colours are
  const lightOf = Object.fromEntries(Object.entries(darkOf).map(([light, dark]) => [dark, light]));
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  // Whenever it paints, BokehJS writes the place of every part again; after each writing a page works
  // out its styles before the next text, in JupyterLab 1 to 2 ms. The same again need not be written.
  const sheet = window.Bokeh.require("core/dom").InlineStyleSheet.prototype;
  const { replace } = sheet;
  sheet.replace = function (css, styles) {
    if (styles || this.css !== css) replace.call(this, css, styles);
  };

  const isDark = () => {
    const theme = document.body.dataset.jpThemeLight;
    return theme === undefined ? system.matches : theme === "false";
  };

  const recolour = () => {
    const dark = isDark();
    for (const [doc, place] of documents) {
      if (place.dark === dark) continue;
      place.dark = dark;
      place.element.style.background = paper[Number(dark)];
      const table = dark ? darkOf : lightOf;
      for (const model of doc.all_models) {
        if (model.palette) model.palette = model.palette.map((colour) => table[colour] ?? colour);
        for (const { attr } of model) {
          if (!attr.endsWith("_color")) continue;
          const { value } = Object(model[attr]); // a colour, or a glyph's { value: colour }
          if (model[attr] in table) model[attr] = table[model[attr]];
          else if (value in table) model[attr] = { ...model[attr], value: table[value] };
        }
      }
    }
  };
  new MutationObserver(recolour).observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light"],
  });
  system.addEventListener("change", recolour);

  // Draws an item that Bokeh wrote as JSON into the element; gives its document and a way to
  // take it down.
  kit.embed = async (item, element) => {
    const dark = isDark();
    const text = JSON.stringify(item);
    const coloured = JSON.parse(text, (_, value) =>
      dark && typeof value === "string" ? (darkOf[value] ?? value) : value,
    );
    const views = await window.Bokeh.embed.embed_item(coloured, element);
    const view = [...views][0];
    const doc = view.model.document;
    documents.set(doc, { element, dark });
    element.style.background = paper[Number(dark)];
    const remove = () => {
      documents.delete(doc);
      view.remove();
    };
    return { doc, remove };
  };

  // Puts a live figure in place of the image in `holder`; on any failure the image stays.
  kit.figure = async (holder, item) => {
    const image = holder.querySelector("img");
    const live = document.createElement("div");
    live.style.cssText = "position:absolute;inset:0;visibility:hidden";
    holder.append(live);
    try {
      const { doc } = await kit.embed(item, live);
      kit.figures[item.target_id] = doc;
      live.setAttribute("role", "img");
      live.setAttribute("aria-label", image.alt);
      image.style.display = "none";
      live.style.position = live.style.visibility = live.style.inset = "";
    } catch (error) {
      live.remove();
      console.warn("devmemkit: the figure stays an image:", error);
    }
  };

  const waiting = kit.queue;
  kit.queue = { push: (entry) => void entry(kit) };
  waiting.forEach((entry) => entry(kit));
};
