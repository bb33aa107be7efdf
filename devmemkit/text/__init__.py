"""Text to data and back: dumps, resource files, lspci, configurations; repairs of pasted text."""


class TextError(ValueError):
    """A text that is not what its reader expects; the message names source, line and reason."""

    def __init__(self, source: str, line: int, reason: str) -> None:
        super().__init__(f"{source}:{line}: {reason}")
