"""A template with its fields filled in, as a Word file and as a PDF."""

import re
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from docx.shared import Mm, RGBColor
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from monitor.documents.printing import pdf_of
from monitor.documents.sheet import DocumentError, Picture
from monitor.documents.template_files import template
from monitor.documents.word import opened, sheet_of
from registry.catalogue import text
from registry.words import listed

_UNWRITABLE: Final = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold (XML 1.0, 2.2), and the control characters that docxtpl reads as breaks."""


def simulated_mark() -> str:
    """The mark of what comes from simulated sites, in both languages."""
    return f"{text('zh', 'document.simulated')} {text('en', 'document.simulated')}"


def render_docx(
    name: str, fields: Mapping[str, Any], *, at: datetime, simulated: bool = False, folder: Path | None = None
) -> bytes:
    """The Word file of a template with its fields filled in.

    Parameters
    ----------
    name : the template's name, e.g. ``supervision_opinion``
    fields : what its fields stand for: texts, or lists of texts, mappings for rows, or `Picture`s. A text may have
        several lines.
    at : when it is made; kept in the file's properties
    simulated : puts the mark above every page, whatever the template says
    folder : the agency's own templates

    Raises
    ------
    DocumentError
        The template is not known or not a Word file, or asks for a field that is not there; it says which.

    """
    source = template(name, folder)
    opened(source, name)  # a file that is no Word file is told apart from one with a wrong field
    document = DocxTemplate(BytesIO(source))
    # A template may come from anybody who can write to the folder: it gets values, not the program.
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    try:
        document.render(_values(document, fields), environment, autoescape=True)
    except UndefinedError as error:
        told = {"error": error.message, "known": listed(sorted(fields))}
        raise DocumentError.of("refusal.documents.unknown_field", name=name, **told) from error
    except TemplateError as error:
        raise DocumentError.of("refusal.documents.wrong", name=name, error=error) from error
    if simulated:
        for section in document.docx.sections:
            section.header.is_linked_to_previous = False
            first = section.header.paragraphs[0]
            run = first.insert_paragraph_before().add_run(simulated_mark())
            run.bold, run.font.color.rgb = True, RGBColor(0xB9, 0x1C, 0x1C)
    properties = document.docx.core_properties
    properties.created = properties.modified = at.replace(tzinfo=None)
    properties.author = properties.last_modified_by = "Landun"
    made = BytesIO()
    document.docx.save(made)
    return made.getvalue()


def _values(document: DocxTemplate, value: Any) -> Any:
    """The fields with their pictures as Word wants them."""
    if isinstance(value, Picture):
        return InlineImage(document, BytesIO(value.content), width=Mm(value.width_mm))
    if isinstance(value, Mapping):
        return {key: _values(document, each) for key, each in value.items()}
    if isinstance(value, str):
        return _UNWRITABLE.sub("�", value)
    return [_values(document, each) for each in value] if isinstance(value, list | tuple) else value


def render_pdf(
    name: str, fields: Mapping[str, Any], *, at: datetime, simulated: bool = False, folder: Path | None = None
) -> bytes:
    """The same document as a PDF (PDF/A-2b, its fonts within it). Raises `DocumentError` as `render_docx` does."""
    content = render_docx(name, fields, at=at, simulated=simulated, folder=folder)
    return pdf_of(sheet_of(content, name, mark=simulated_mark() if simulated else None), at)
