"""Interactive explorers: thin shells over scenarios and figures."""
