"""The page of what was tried: `python docs/tried.py` writes it from data/attempts.{toml,json}."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from devmemkit.lab.attempts import MODES, attempts, results, untried, verdict

PAGE = Path(__file__).with_name("what-we-tried.md")
WORDS = {
    "past": "It gets past the claim.",
    "stopped": "The claim stops it: it reaches the page without a claim, and not with one.",
    "never": "It reaches nothing, claimed or not.",
    "untried": "It could not be tried.",
    "undecided": "The controls decide nothing.",
}
LABELS = {"late": "begun after the claim", "claim": "with the claim", "none": "without it"}
HEAD = """\
# What we tried

Ways past a claim that this project tried on real kernels, those that fail included. A way past a
claim lets a process read or write the claimed bytes after the claim has returned. Each is a program
of `data/attempts`, with two controls: the same without the claim, which shows whether the way works
at all, and a process that opens and maps as usual after the claim, which shows that the claim
stands. Races are tried a number of times; that none was won proves nothing, and the
[explorer](how-it-works.md) searches every order of those that the model has.

`python -m devmemkit.lab.attempts 7.3 sealed` runs one again. The page is made from
`data/attempts.toml` and `data/attempts.json`.
"""


def page(seen: Mapping[str, Any]) -> str:
    """The page, in Markdown: ways past the claim first."""
    lines = [HEAD]
    table = attempts()
    for said, words in WORDS.items():
        for one in sorted(table, key=lambda one: one["name"]):
            found = {v: kernel["attempts"].get(one["name"]) for v, kernel in seen.items()}
            runs = {version: ran["runs"] for version, ran in found.items() if ran}
            of = [version for version, ran in runs.items() if verdict(ran) == said]
            if of:
                lines += _part(one, f"*{', '.join(of)}: {words}*", {v: runs[v] for v in of}, seen)
    lines += ["## Not tried", "", *(f"* {one['idea']}: {one['why']}." for one in untried()), ""]
    return "\n".join(lines)


def _part(
    one: Mapping[str, Any], words: str, runs: Mapping[str, Any], seen: Mapping[str, Any]
) -> Iterable[str]:
    yield from (
        f"## {one['name']}",
        "",
        f"Hypothesis: {one['idea']} {words}",
        "",
        f"How: {one['how']}.",
        "",
    )
    if "note" in one:
        yield from (one["note"], "")
    alike: dict[tuple[str, ...], list[str]] = {}
    for version, ran in runs.items():
        told = tuple(f"  * {LABELS[mode]}: {'; '.join(ran[mode]['output'])}" for mode in MODES)
        alike.setdefault(told, []).append(seen[version]["release"])
    for told, releases in alike.items():
        yield from (f"* Linux {', '.join(releases)}", *told)
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(results()), "utf-8")
