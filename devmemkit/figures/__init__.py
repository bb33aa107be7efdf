"""Model state to pictures: one list of marks, drawn as SVG and by Bokeh."""
