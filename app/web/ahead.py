"""What the first pages would wait for, done in the background once the catalogue is there.

The first page of a run took 0.5 s of the server, the lab's 0.3 s, and later ones a tenth of it: templates were compiled, the
pictures' files imported, the highlighter's patterns compiled, and the headings of the shared parts read.
"""

from types import ModuleType

from app.web import lessons
from app.web.rendering import templates


def prepare(catalog: ModuleType) -> None:
    """Compile every template, import every panel, and read one lesson, whose highlighter and parts the others share."""
    for name in templates().list_templates():
        templates().get_template(name)
    catalog.panels()
    for spec in list(catalog.algorithms().values())[:1]:
        lessons.lesson(catalog, spec)
