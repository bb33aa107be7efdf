"""Fills in the evidence of docs/upstream.md: `python docs/upstream.py` after the ledger changes."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from devmemkit.artifact.scope import in_words
from devmemkit.lab import attempts, reproducers
from devmemkit.lab.recordings.recording import recordings
from devmemkit.lab.repair.sweep import dearer
from devmemkit.model.repairs import PASS
from devmemkit.scenarios.machines import data_dir

PAGE = Path(__file__).with_name("upstream.md")
PART = re.compile(r"(<!-- (evidence|attempt|cost) of ([\w., -]+) -->\n).*?(<!-- end -->\n)", re.S)
SIZES = {4 << 10: "4 KiB", 1 << 30: "1 GiB"}
WORDS = {"past": "it gets past the claim", "stopped": "the claim stops it"}
FILES = {"devmem": "/dev/mem", "sysfs": "resource2"}


def page(text: str) -> str:
    """The page with what is computed between its comments."""
    made = {"evidence": evidence, "attempt": attempt, "cost": cost}

    def fill(part: re.Match[str]) -> str:
        names = part[3].split(", ")
        lines = "".join(f"* {line}\n" for name in names for line in made[part[2]](name))
        return f"{part[1]}\n{lines}\n{part[4]}"

    return PART.sub(fill, text)


def findings() -> dict[str, dict[str, object]]:
    """The ledger by id. Whoever reads its verdicts with evidence asks `devmemkit findings`."""
    ledger = tomllib.loads((data_dir() / "findings.toml").read_text("utf-8"))
    return {one["id"]: one for one in ledger["finding"]}


def evidence(id: str) -> Iterator[str]:
    """The verdict of a finding by kernel, and on which kernels its program reproduced it."""
    one = findings()[id]
    expected = one["expected"]
    assert isinstance(expected, dict)
    verdicts = "; ".join(f"{said} on {', '.join(on)}" for said, on in expected.items())
    yield f"“{one['says']}” (`{id}`): {verdicts}"
    if name := str(one.get("reproducer", "")):
        seen: dict[str, list[str]] = {}
        for recorded in recordings("reproducers"):
            (entry,) = (each for each in recorded.content["reproducers"] if each["name"] == name)
            seen.setdefault(reproducers.verdict(entry), []).append(recorded.version)
        beside = ", beside its control" if any(run["control"] for run in entry["runs"]) else ""
        told = "; ".join(f"{said} on {in_words(on)}" for said, on in seen.items())
        yield f"`data/reproducers/{name}.c`{beside}: {told}"


def attempt(name: str) -> Iterator[str]:
    """How a way past the claim ended, by kernel, with its two controls."""
    seen: dict[str, list[str]] = {}
    for version, told in attempts.results().items():
        if name in told["attempts"]:
            said = attempts.verdict(told["attempts"][name]["runs"])
            seen.setdefault(said, []).append(version)
    words = "; ".join(f"{WORDS[said]} on {in_words(on)}" for said, on in seen.items())
    yield f"`data/attempts/{name}.c`, beside two controls: {words}"


def cost(repair: str) -> Iterator[str]:
    """What a repair of the mmap makes of its instructions, by kernel and file."""
    usual = {one.version: one.content["race"] for one in recordings(f"mmap-vs-claim-{PASS}")}
    for one in recordings(f"mmap-vs-claim-{repair}"):
        for via, file in FILES.items():
            asked = [(via, size, "mmap") for size in SIZES] + [(via, min(SIZES), "load")]
            what = [f"mmap of {size}" for size in SIZES.values()] + ["first load"]
            times = [dearer(one.content["race"], usual[one.version], *each) for each in asked]
            told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in zip(what, times, strict=True))
            yield f"`{repair}`, Linux {one.version}, {file}, instructions as a multiple: {told}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
