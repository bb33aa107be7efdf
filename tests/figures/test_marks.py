"""Pictures as data: what is replaced in names."""

from hypothesis import given
from hypothesis import strategies as st

from devmemkit.figures.marks import Axis, Marks, Picture, cleaned


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_a_cleaned_text_survives_utf8_and_stays_as_long(text):
    clean = cleaned(text)
    assert clean.encode().decode() == clean
    assert len(clean) == len(text)
    assert cleaned(clean) == clean
    assert not set("\x00\x1b\ufffe") & set(clean)


def test_names_are_cleaned_wherever_they_enter():
    marks = Marks()
    marks.text(0, 0, "\x1b")
    marks.rect(0, 1, 0, 1, "ok", "\x1b")
    axis = Axis("\x1b", 0, 1, ((0, "\x1b"),))
    picture = Picture("p", "\x1b", "\x1b.", axis, axis, marks, 9, (("ok", "\x1b"),))
    for text in (marks.texts[0].text, marks.rects[0].tip, axis.label, axis.ticks[0][1],
                 picture.title, picture.alt[0], picture.legend[0][1]):  # fmt: skip
        assert text == "\ufffd"
