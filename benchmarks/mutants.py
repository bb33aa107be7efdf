"""How many faults the tests, and the recordings alone, would find: seeded mutants of the model.

    python benchmarks/mutants.py --out DIR [--model 200] [--explore 60] [--only PASS ...]
    python benchmarks/mutants.py --out DIR --report

A mutant is one small change of one expression or statement (see mutations.py), on a line that is
drawn at random: at most one of each line, the same for the same seed and sources. Each is made in a
copy of the checkout, never in the checkout itself, and asked in up to three passes:

- recordings: what `devmemkit conform` compares, stories first, the random runs last;
- own: the tests that mirror the module;
- rest: where those let it live, all others that play the model, without any guest.

A pass ends at its first failure. One that takes LIMIT times the CPU time of the unchanged sources
counts as killed: a mutant can make a loop endless. Results are lines of DIR/results.jsonl. A run
that was interrupted goes on where it ended; modules that changed since are asked again. A survivor
is listed with the reason that benchmarks/mutants.toml gives, where it gives one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from coverage_by_evidence import line_at, reasons
from mutations import Mutations

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("devmemkit", "tests", "data", "docs", "benchmarks")
COPIED += ("pyproject.toml", "README.md", "CHANGELOG.md")
PASSES = ("recordings", "own", "rest")
LIMIT, LEAST = 5, 20
"""A pass that takes so many times the CPU time of the unchanged sources counts as killed, but not
one that takes less than so many seconds."""

REST = (
    "tests/model",
    "tests/lab/recordings/test_replay.py",
    "tests/scenarios",
    "tests/explore",
    "tests/lab/recordings/test_recording.py",
    "tests/lab/fuzz",
    "tests/lab/test_compare.py",
    "tests/lab/test_race.py",
    "tests/lab/test_reproducers.py",
    "tests/lab/test_timeline.py",
    "tests/lab/test_accesses.py",
    "tests/explain",
    "tests/test_public.py",
)
"""The tests that play the model, in the order in which they are asked after a module's own."""


@dataclass(frozen=True)
class Mutant:
    """One change of one line: `old` and `new` are the text there, `digest` is of the whole file."""

    module: str
    line: int
    kind: str
    old: str
    new: str
    span: tuple[int, int]
    digest: str

    @property
    def name(self) -> str:
        return f"{self.module}:{self.line} {self.kind} {self.old!r} -> {self.new!r}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it wherever the line may be."""
        return self.module, self.old, self.new

    def apply(self, text: bytes) -> bytes:
        first, last = self.span
        return text[:first] + self.new.encode() + text[last:]


def candidates(root: Path, package: str) -> Iterator[Mutant]:
    """Every mutant of the modules of devmemkit/`package`, in the order of the sources."""
    for path in sorted((root / "devmemkit" / package).rglob("*.py")):
        module = path.relative_to(root).as_posix()
        text = path.read_bytes()
        digest = hashlib.sha256(text).hexdigest()[:16]
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        for kind, node, new in Mutations(module, text.decode()).all():
            first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
            last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
            old = text[first:last].decode()
            yield Mutant(module, node.lineno, kind, old, new, (first, last), digest)  # type: ignore[attr-defined]


def sample(root: Path, package: str, count: int, seed: int) -> list[Mutant]:
    """`count` mutants, at most one of each line; lines and what happens to them are drawn.

    A smaller sample is the beginning of a larger one. An edit of one line leaves the others' draw
    as it was.
    """
    lines: dict[tuple[str, int], list[Mutant]] = {}
    for mutant in candidates(root, package):
        lines.setdefault((mutant.module, mutant.line), []).append(mutant)
    seen: Counter[str] = Counter()
    drawn = []
    for (module, number), found in lines.items():
        text = f"{module} {(root / module).read_text().splitlines()[number - 1].strip()}"
        seen[text] += 1
        chance = random.Random(f"{seed} {text} {seen[text]}")
        drawn.append((chance.random(), chance.choice(found)))
    return [mutant for _, mutant in sorted(drawn, key=lambda one: one[0])][:count]


class Copy:
    """A copy of the checkout in which mutants are tried."""

    def __init__(self, out: Path) -> None:
        self.root = out / "copy"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        for name in COPIED:
            if (ROOT / name).is_dir():
                unwanted = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, self.root / name, ignore=unwanted)
            else:
                shutil.copy2(ROOT / name, self.root / name)
        beside = out / "shared"  # where tests look for sample dumps
        if (ROOT.parent / "shared").is_dir() and not beside.exists():
            beside.symlink_to(ROOT.parent / "shared")
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{self.root}:{self.root / 'benchmarks'}",
            "XDG_CACHE_HOME": str(out / "no-kernels"),  # no test boots a guest
            "PYTHONHASHSEED": "0",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # to load them takes longer than most tests
        }

    def ask(self, which: str, module: str, seconds: int = 3600) -> tuple[str, str]:
        """ "killed", "survived" or "timeout" for the sources as they are, and what says so."""
        own = mirror(self.root, module)
        if which == "recordings":
            return self._run(["benchmarks/evidence.py"], seconds)
        if which == "own":
            return self._run([*PYTEST, *own], seconds) if own else ("survived", "there are none")
        return self._run([*PYTEST, *(f"--deselect={one}" for one in own), *REST], seconds)

    def _run(self, arguments: list[str], seconds: int) -> tuple[str, str]:
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))

        done = subprocess.run([sys.executable, *arguments], cwd=self.root, env=self.environment,
                              text=True, capture_output=True, preexec_fn=limit)  # fmt: skip
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "timeout", f"more than {seconds} s"
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        failed = [line for line in said if line.startswith(("FAILED", "ERROR"))]
        why = (failed or said or [""])[0 if failed else -1][:200]
        return ("survived" if done.returncode == 0 else "killed"), why


PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no_shrinking",
          "-o", "addopts=--import-mode=importlib")  # fmt: skip

OWN = {
    "explore/counterexample": ("explore/test_check",),
    "explore/export": ("explore/test_graph", "explore/test_promela"),
    "explore/lasso": ("explore/test_progress",),
    "explore/learn": ("explore/test_search", "explore/test_check"),
    "explore/names": ("explore/test_promela",),
    "explore/pack": ("explore/test_search", "explore/test_check"),
    "explore/search": ("explore/test_check",),
    "explore/symmetry": ("explore/test_check",),
    "explore/system": ("explore/test_search", "explore/test_check"),
    "model/boot": ("model/test_step", "explore/test_scenarios"),
    "model/drivers/bus": ("model/pci/test_device", "model/drivers/test_nvdimm"),
    "model/errors": ("model/test_step", "lab/test_compare"),
    "model/flags": ("model/resource/test_tree",),
    "model/machine": ("model/test_step",),
    "model/mm/mmap": ("model/devmem/test_mem", "model/pci/test_sysfs"),
    "model/mm/pfn_tracking": ("model/mm/test_memtype", "model/mm/test_syscalls"),
    "model/mm/physical": ("model/mm/test_access",),
    "model/mm/populate": ("model/resource/test_revoke", "model/test_policy"),
    "model/pci/driver": ("model/pci/test_device", "model/mm/test_memtype"),
    "model/printable": ("text/test_iomem",),
    "model/process/fork": ("model/mm/test_syscalls",),
    "model/process/permission": ("model/process/test_cred",),
    "model/process/task": ("model/mm/test_syscalls", "model/devmem/test_mem"),
}
"""The tests of modules that have no test file of their name."""


def mirror(root: Path, module: str) -> list[str]:
    """The test files of a module: devmemkit/model/mm/syscalls.py has tests/model/test_mm*.py."""
    if not module:
        return []
    path = Path(module).relative_to("devmemkit")
    own = OWN.get(str(path.with_suffix("")), ())
    named = sorted((root / "tests" / path.parent).glob(f"test_{path.stem}*.py"))
    return [f"tests/{one}.py" for one in own] + [p.relative_to(root).as_posix() for p in named]


class Results:
    """DIR/results.jsonl: a line for each pass of each mutant."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[tuple[str, str, str], dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                row = json.loads(line)
                self.known[row["pass"], row["name"], row["digest"]] = row

    def of(self, which: str, mutant: Mutant) -> dict[str, Any] | None:
        return self.known.get((which, mutant.name, mutant.digest))

    def add(self, which: str, mutant: Mutant, verdict: str, why: str, seconds: float) -> None:
        row = {"pass": which, "name": mutant.name, **asdict(mutant), "verdict": verdict}
        row |= {"why": why, "seconds": round(seconds, 1)}
        self.known[which, mutant.name, mutant.digest] = row
        with self.path.open("a") as out:
            out.write(json.dumps(row) + "\n")


def try_all(out: Path, mutants: list[Mutant], which: tuple[str, ...], again: bool) -> None:
    """Ask each pass of every mutant that has no result yet, or lived `again`; keep each at once.

    Before the first mutant of a module a pass must succeed on the unchanged sources.
    """
    results = Results(out / "results.jsonl")
    copy = Copy(out)
    began = time.perf_counter()
    for one in which:
        todo = [mutant for mutant in mutants if is_open(results, one, mutant, again)]
        tests = {mutant: tuple(mirror(ROOT, mutant.module)) * (one == "own") for mutant in todo}
        asked = {tests[mutant]: mutant.module for mutant in todo}
        taken = {own: unchanged(copy, one, module) for own, module in asked.items()}
        most = sum(taken[tests[mutant]] for mutant in todo)
        print(
            f"{one}: {len(todo)} mutants, {most / 3600:.1f} h of CPU time if all live", flush=True
        )
        for number, mutant in enumerate(todo, 1):
            seconds = max(LEAST, round(LIMIT * taken[tests[mutant]]))
            started = time.perf_counter()
            with changed(copy.root / mutant.module, mutant):
                verdict, why = copy.ask(one, mutant.module, seconds)
            results.add(one, mutant, verdict, why, time.perf_counter() - started)
            print(f"{number}/{len(todo)} {one}: {verdict}: {mutant.name}: {why}", flush=True)
    print(f"{(time.perf_counter() - began) / 3600:.2f} h", flush=True)


def is_open(results: Results, which: str, mutant: Mutant, again: bool) -> bool:
    """Whether a pass is still to be asked: the rest only of those that their own tests let live.

    Recordings are asked of what a kernel can reach.
    """
    if which == "recordings" and not is_reached(mutant):
        return False
    known = results.of(which, mutant)
    own = results.of("own", mutant)
    if which == "rest" and (own is None or own["verdict"] != "survived"):
        return False
    return known is None or (again and known["verdict"] == "survived")


def unchanged(copy: Copy, which: str, module: str) -> float:
    """Seconds of CPU time that a pass takes on the unchanged sources; SystemExit if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    verdict, why = copy.ask(which, module)
    if verdict != "survived":
        raise SystemExit(f"{which} {module}: expected the unchanged sources to pass, got: {why}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


MADE = count(1)


@contextmanager
def changed(path: Path, mutant: Mutant) -> Iterator[None]:
    """The copy's module with the mutant in it."""
    pristine, times = path.read_bytes(), path.stat()
    path.write_bytes(mutant.apply(pristine))
    made = next(MADE)
    os.utime(path, (made, made))  # older than any source, and no compiled file is of that time
    try:
        yield
    finally:
        path.write_bytes(pristine)
        os.utime(path, (times.st_atime, times.st_mtime))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", type=int, default=200, metavar="N")
    parser.add_argument("--explore", type=int, default=60, metavar="N")
    parser.add_argument("--seed", type=int, default=2026, metavar="S")
    parser.add_argument("--only", choices=PASSES, nargs="+", default=PASSES)
    parser.add_argument("--again", action="store_true", help="try those that survived once more")
    parser.add_argument("--report", action="store_true", help="say what is known, try nothing")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mutants = sample(ROOT, "model", options.model, options.seed)
    mutants += sample(ROOT, "explore", options.explore, options.seed)
    if not options.report:
        try_all(options.out.resolve(), mutants, tuple(options.only), options.again)
    print(report(mutants, Results(options.out / "results.jsonl")))
    return 0


@dataclass(frozen=True)
class Told:
    """What benchmarks/mutants.toml says of a survivor: `equivalent` ones can be told by nobody."""

    module: str
    old: str
    new: str
    equivalent: bool
    reason: str


def told() -> dict[tuple[str, str, str], Told]:
    rows = tomllib.loads((ROOT / "benchmarks" / "mutants.toml").read_text())["mutant"]
    return {(one["module"], one["old"], one["new"]): Told(**one) for one in rows}


def is_reached(mutant: Mutant) -> bool:
    """Whether a real kernel can reach the line: benchmarks/uncovered.toml does not say why not."""
    if "/model/" not in mutant.module:
        return False
    line = line_at(mutant.module.removeprefix("devmemkit/model/"), mutant.line)
    return not any(reason.entry_of(line) for reason in reasons())


def verdict_of(results: Results, mutant: Mutant, passes: tuple[str, ...]) -> str | None:
    """ "killed", "survived", or None while a pass that could kill it was not asked."""
    found = [results.of(one, mutant) for one in passes]
    if any(one and one["verdict"] != "survived" for one in found):
        return "killed"
    return "survived" if all(found) else None


def share(killed: int, undecided: int, of: int) -> str:
    """The share of mutants that were killed; of those not decided yet any number may be."""
    least, most = (100 * n / of for n in (killed, killed + undecided))
    if not undecided:
        return f"killed {killed} of {of}, {least:.1f} %"
    return f"killed {killed} of {of}, {undecided} not decided yet: {least:.1f} to {most:.1f} %"


def report(mutants: list[Mutant], results: Results) -> str:
    """Both figures of each package, and each survivor: place, change, reason."""
    known, lines = told(), []
    for package in ("model", "explore"):
        mine = [one for one in mutants if f"/{package}/" in one.module]
        real = [one for one in mine if not (t := known.get(one.key)) or not t.equivalent]
        lines.append(f"{package}: {len(mine)} mutants, {len(mine) - len(real)} equivalent")
        reached = [one for one in real if is_reached(one)]
        for words, asked, passes in (
            ("tests", real, ("own", "rest")),
            ("recordings, of those that a kernel can reach", reached, ("recordings",)),
        ):
            if not asked:
                continue
            found = Counter(verdict_of(results, one, passes) for one in asked)
            lines.append(f"  {words}: {share(found['killed'], found[None], len(asked))}")
        for one in mine:
            if verdict_of(results, one, ("own", "rest")) == "survived":
                why = known.get(one.key)
                lines.append(f"  {one.module}:{one.line} ({one.kind})")
                lines += [f"    - {one.old}", f"    + {one.new}"]
                lines.append(f"    {why.reason if why else 'no reason given'}")
    seconds = sum(row["seconds"] for row in results.known.values())
    return "\n".join([*lines, f"{seconds / 3600:.2f} h in all"])


if __name__ == "__main__":
    sys.exit(main())
