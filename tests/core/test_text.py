"""Every word passes one function; without a table of another language it stays as it is."""

from app.core.text import _, translate


def test_words_stay_as_they_are() -> None:
    assert _("Start") == translate("Start") == "Start"
