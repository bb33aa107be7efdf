"""The survey of the places where Linux takes pages away: its form, its counts, and our own row."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

from devmemkit.model.policy import FaultRecheck, RevokeAll, SubstitutePage
from devmemkit.scenarios.machines import data_dir
from devmemkit.scenarios.survey import survey

TEXT = (data_dir() / "revocation-survey.toml").read_text("utf-8")
TOLD = tomllib.loads(TEXT)
SURVEY = survey()
ZAPS = {"unmap_mapping_range", "zap_special_vma_range", "zap_vma_range"}
"""The functions of mm/ that are called; the others are wrappers."""
KINDS = ("claimed", "removed", "suspended", "moved", "discarded", "undone")
GETS = ("page", "substitute", "fresh page", "SIGBUS", "wait", "failure", "nothing")
BACK = ("yes", "no", "if used again", "if loaded", "if not purged")


def test_every_row_has_its_fields_in_the_survey_s_words() -> None:
    for one in SURVEY.places:
        assert re.fullmatch(r"(arch|drivers|kernel|net)/[\w/.-]+\.(c|rs)", one.file), one
        assert re.fullmatch(r"[a-z_0-9]+", one.function), one
        assert one.kind in KINDS, one
        assert one.gets in GETS, one
        assert one.back in BACK, one
        assert one.sites > 0, one
        assert min(len(one.when), len(one.touch)) > 10, one
    assert {kind for kind in KINDS if re.search(rf"^#   .*\b{kind}  ", TEXT, re.M)} == set(KINDS)


def test_a_removal_that_takes_nothing_away_leaves_the_page() -> None:
    for one in TOLD["without"]:
        assert one.keys() == {"file", "function", "when", "gets", "touch"}
        assert one["gets"] == "page"
        assert one["function"] not in {place.function for place in SURVEY.places}


def test_the_rows_are_in_order_and_none_is_there_twice() -> None:
    places = [(one.file, one.function, one.calls) for one in SURVEY.places]
    assert places == sorted(set(places))


def test_what_is_called_is_a_function_of_mm_or_a_wrapper_of_one() -> None:
    wrapped = {one["function"]: one["calls"] for one in TOLD["wrapper"]}
    for called in {one.calls for one in SURVEY.places} | set(wrapped.values()):
        while called not in ZAPS:
            called = wrapped[called]
    used = {one.calls for one in SURVEY.places} | set(wrapped.values())
    assert wrapped.keys() - {"zap_vma_range"} <= used  # that of Rust has the name of what it calls


def test_the_counts_are_those_of_the_source_package() -> None:
    """Counted in linux-source-7.3 without comments; another package means another count."""
    assert SURVEY.source == "linux-source-7.3 7.3.4-1~bpo13+1"
    assert Counter(one.kind for one in SURVEY.places) == {
        "moved": 18, "discarded": 11, "suspended": 10, "removed": 8, "undone": 4, "claimed": 1
    }  # fmt: skip
    assert sum(one.sites for one in SURVEY.places) == 59
    assert SURVEY.files("unmap_mapping_range") == 16


def test_a_sentence_that_gives_the_number_of_places_gives_this_one() -> None:
    root = data_dir().parent
    texts = [root / "CHANGELOG.md", root / "README.md", *root.glob("docs/**/*.md")]
    said = [re.findall(r"(\d+) functions outside of mm/", path.read_text()) for path in texts]
    assert {int(number) for numbers in said for number in numbers} == {len(SURVEY.places)}


def test_the_policies_are_among_the_places() -> None:
    """What a policy says of the next touch is what the survey says of its model in Linux."""
    gets = {one.function: (one.gets, one.back) for one in SURVEY.places}
    assert gets["revoke_iomem"] == ("SIGBUS", "no")
    assert gets["vfio_pci_zap_bars"] == ("SIGBUS", "yes")
    assert gets["uverbs_user_mmap_disassociate"] == ("substitute", "no")
    assert RevokeAll.on_fault == "signal"
    assert FaultRecheck.on_fault == "insert"
    assert SubstitutePage.on_fault == "substitute"
