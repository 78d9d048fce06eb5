"""The few pages shown outside the application proper: who are you, welcome, opened from another site, errors."""

import html

from app.core.text import _

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{head}<title>{title} · RL playground</title>
</head>
<body>
<main class="door">
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str, *, head: str = "") -> str:
    """Return a complete page; `body` and `head` are HTML, `title` is text."""
    return _SHELL.format(title=html.escape(title), body=body, head=head + _stylesheet())


def who_are_you() -> str:
    """Return the page for someone without identity: how to get in."""
    steps = [
        _("Open the address that the server printed when it started; its code works once."),
        _("Or run `rl-playground token --url` on the same account and open the address it prints."),
        _("A program sends the token of `rl-playground token` as `Authorization: Bearer …`."),
    ]
    return page(_("Who are you?"), "<ul>" + "".join(f"<li>{_marked(step)}</li>" for step in steps) + "</ul>")


def welcome() -> str:
    """Return the page that leads on once the code was swapped for the cookie."""
    refresh = '<meta http-equiv="refresh" content="0;url=/">\n'
    return page(_("Welcome"), f'<p><a href="/">{html.escape(_("Open the playground"))}</a></p>', head=refresh)


def stale_code() -> str:
    """Return the page for a code that was used before or is too old."""
    return page(
        _("This link was used before or is too old"),
        f"<p>{_marked(_('Run `rl-playground token --url` for a fresh one.'))}</p>",
    )


def from_another_site(target: str) -> str:
    """Return the page shown when a link on another site leads here: nothing of ours, and a link that goes on."""
    text = _("Another site sent you here. Nothing was done yet.")
    link = f'<p><a href="{html.escape(target, quote=True)}">{html.escape(_("Open"))}</a></p>'
    return page(_("Open the RL playground?"), f"<p>{html.escape(text)}</p>{link}")


def _marked(text: str) -> str:
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _stylesheet() -> str:
    from app.web.assets import asset_url  # the pages' module; imported late so that the doors stand alone

    return f'<link rel="stylesheet" href="{html.escape(asset_url("css/app.css"), quote=True)}">\n'
