"""An explorer in a page that is one file: its states, and the scripts that step through them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from devmemkit.site import prepare, runtime

SCRIPTS = ("python.js", "picture.js", "controls.js", "states.js", "explorers.js")
"""The scripts of site/web that an explorer needs, in their order."""

_known: dict[str, Packed | None] = {}


class Packed(NamedTuple):
    """The states of an explorer as base64 of compressed JSON, and the summary of the first."""

    text: str
    summary: str


def states(wanted: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Packed | None]:
    """The states of explorers by name and parameters; None for one that they do not make."""
    asked = [json.dumps({"do": "states", "name": name, "given": given}) for name, given in wanted]
    if new := [one for one in dict.fromkeys(asked) if one not in _known]:
        answers = prepare.answers(runtime.package(), [json.loads(one) for one in new])
        _known.update(zip(new, map(_packed, answers), strict=True))
    return [_known[one] for one in asked]


def _packed(answer: Mapping[str, Any]) -> Packed | None:
    if "error" in answer:
        return None
    text = json.dumps(answer, separators=(",", ":")).encode()
    packed = base64.b64encode(gzip.compress(text, 9, mtime=0)).decode()
    return Packed(packed, answer["nodes"][0][0])


def script(name: str, packed: Packed) -> bytes:
    """The states as a script of their own."""
    return f'"use strict";\ndk.packed[{json.dumps(name)}] = "{packed.text}";\n'.encode()


@cache
def scripts() -> str:
    """All SCRIPTS as one."""
    web = files("devmemkit.site") / "web"
    return "".join((web / name).read_text("utf-8") for name in SCRIPTS)


def policy() -> str:
    """What a page with the scripts inside may run: them, and a site's Python beside it."""
    digest = base64.b64encode(hashlib.sha256(scripts().encode()).digest()).decode()
    return f"script-src 'sha256-{digest}' 'self' 'wasm-unsafe-eval'; worker-src blob:"


def place(name: str, given: Mapping[str, Any], packed: Packed, still: str) -> str:
    """The explorer's place in a page, around the HTML of its still picture."""
    told = escape(json.dumps(given, sort_keys=True))
    return (
        f'<div class="explorer" data-explorer="{escape(name)}" data-given="{told}">{still}</div>'
        f'<script type="text/plain" id="states-{escape(name)}">{packed.text}</script>'
    )
