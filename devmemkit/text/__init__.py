"""Text to data and back: dumps, resource files, lspci, configurations; repairs of pasted text."""
