"""Every word passes one function; without a table of another language it stays as it is."""

from app.core.text import THIN, _, filled, grouped, translate
from app.web.rendering import number


def test_words_stay_as_they_are() -> None:
    assert _("Start") == translate("Start") == "Start"


def test_thousands_of_whole_numbers_stand_apart_as_on_the_pages() -> None:
    assert [grouped(number) for number in (999, 1_000, -65_536, 1_000_000)] == [
        "999",
        f"1{THIN}000",
        f"-65{THIN}536",
        "1\u202f000\u202f000",
    ]
    assert [grouped(number) for number in (1e6, 0.5, 1e-7, 1e20)] == ["1\u202f000\u202f000", "0.5", "1e-07", "1e+20"]
    assert [number(value) for value in (999, 65_536, 1e6)] == [grouped(value) for value in (999, 65_536, 1e6)]


def test_only_whole_numbers_within_a_text_are_written_so() -> None:
    said = filled(_("{text} takes {count} of {share}, {is_on}"), text="run 12345", count=12_345, share=0.25, is_on=True)
    assert said == f"run 12345 takes 12{THIN}345 of 0.25, True"
