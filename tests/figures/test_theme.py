"""The colours: readable on both papers, and told apart by every kind of colour vision."""

from itertools import combinations

import pytest

from devmemkit.figures.theme import INK, PAPER, ROLES, dark_of, tint

# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as a dichromat sees it.
VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
MAP = ("ram", "idle", "bus", "claimed", "reserved", "ok", "error", "zapped", "private")
ACTORS = ("process", "driver", "kernel")
RESULTS = ("ok", "error", "blocked")


def linear(colour):
    channels = [byte / 255 for byte in bytes.fromhex(colour[1:])]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(one, other):
    """WCAG's ratio."""
    weights = (0.2126, 0.7152, 0.0722)
    luminance = [sum(w * c for w, c in zip(weights, linear(x), strict=True)) for x in (one, other)]
    return (max(luminance) + 0.05) / (min(luminance) + 0.05)


def oklab(colour, vision):
    r, g, b = (
        min(1, max(0, sum(m * c for m, c in zip(row, linear(colour), strict=True))))
        for row in VISION[vision]
    )
    l, m, s = (  # noqa: E741 - the names of the cones
        x ** (1 / 3)
        for x in (
            0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
            0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
            0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
        )
    )
    return (
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    )


def distance(one, other, vision):
    pair = (oklab(colour, vision) for colour in (one, other))
    return sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5


@pytest.mark.parametrize("theme", [0, 1])
def test_lines_stand_out_and_ink_is_readable_on_every_area(theme):
    for name, role in ROLES.items():
        least = {"grid": 1.3, "bus": 3}.get(name, 4.5)
        assert contrast(role[theme], PAPER[theme]) >= least, name
        assert contrast(INK[theme], tint(name)[theme]) >= 4.5, name


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("group", [MAP, ACTORS, RESULTS])
def test_roles_with_the_same_pattern_differ_for_every_vision(theme, vision, group):
    for one, other in combinations(group, 2):
        if ROLES[one].hatch == ROLES[other].hatch:
            assert distance(ROLES[one][theme], ROLES[other][theme], vision) >= 0.08, (one, other)


def test_a_theme_switch_can_be_undone():
    colours = dark_of()
    assert len(set(colours.values())) == len(colours)
    assert len(colours) == 2 * len({role.light for role in ROLES.values()})
    assert not set(colours) & set(colours.values())
