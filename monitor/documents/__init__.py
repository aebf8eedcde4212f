"""Documents from templates that the agency can edit: Word files, and the same documents as PDF.

A template is a Word file with fields (`template_files`). `render_docx` fills it in; `render_pdf` prints what
`render_docx` made, so the two never differ. Whoever has values and no template makes a `Sheet` and
prints it with `pdf_of`.
"""

from monitor.documents.printing import pdf_of
from monitor.documents.rendering import render_docx, render_pdf, simulated_mark
from monitor.documents.sheet import (
    Cell,
    DocumentError,
    PageBreak,
    Paragraph,
    Picture,
    Run,
    Sheet,
    Table,
    grid,
    heading,
    plain,
)
from monitor.documents.template_files import names, template

__all__ = [
    "Cell",
    "DocumentError",
    "PageBreak",
    "Paragraph",
    "Picture",
    "Run",
    "Sheet",
    "Table",
    "grid",
    "heading",
    "names",
    "pdf_of",
    "plain",
    "render_docx",
    "render_pdf",
    "simulated_mark",
    "template",
]
