"""What is prepared before the first page: after it, a page compiles no template and imports no panel."""

from app import catalog
from app.web import ahead, lesson_parts, rendering


def test_after_it_every_template_is_compiled_and_the_parts_are_read() -> None:
    rendering.templates.cache_clear()
    lesson_parts.parts.cache_clear()
    ahead.prepare(catalog)
    kept = rendering.templates().cache
    assert kept is not None
    assert len(list(kept.keys())) == len(rendering.templates().list_templates()) > 20
    assert lesson_parts.parts.cache_info().currsize == 1
