// Whenever BokehJS paints, it writes the place of every part again; after each writing a page
// computes its styles before the next text, in JupyterLab 1 to 2 ms. So equal styles are dropped.
function initialize({ model }) {
  const kit = (window.devmemkit ||= {});
  kit.bokeh ||= new Promise((resolve) => (kit.loaded = resolve));
  if (!window.Bokeh) {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(model.get("bokehjs"));
    document.head.append(script);
    const sheet = window.Bokeh.require("core/dom").InlineStyleSheet.prototype;
    const { replace } = sheet;
    sheet.replace = function (css, styles) {
      if (styles || this.css !== css) replace.call(this, css, styles);
    };
  }
  kit.loaded(window.Bokeh);
}
export default { initialize };
