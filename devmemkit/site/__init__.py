"""The static site: the model, the explorers and `explain` in a browser."""
