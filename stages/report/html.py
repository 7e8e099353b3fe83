"""The report as one HTML page that holds its figures and needs no network."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

from stages.report.markdown import render

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin


def to_html(text: str, folder: Path) -> str:
    """Return a Markdown text as one HTML page, with the PNG files that it shows, from a folder.

    Raises FileNotFoundError if one is missing.
    """
    markdown = MarkdownIt("commonmark").enable("table")
    markdown.use(anchors_plugin, max_level=3)
    markdown.use(dollarmath_plugin, renderer=mathml)
    markdown.add_render_rule("math_block", formula)
    markdown.add_render_rule("image", image)
    markdown.add_render_rule("table_open", table)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    body = re.sub(
        r"<p>(<img .*>)</p>\n<p><em>(.*)</em></p>",
        r"<figure>\1<figcaption>\2</figcaption></figure>",
        markdown.render(text, {"folder": folder}),
    )
    template = Path(__file__).with_name("templates") / "page.html.jinja"
    return render(template, body=body)


def mathml(latex: str, options: dict[str, bool]) -> str:
    """Return a formula as MathML, in a line of its own in display mode."""
    return convert(latex, display="block" if options["display_mode"] else "inline")


def image(_: object, tokens: Sequence[Token], index: int, __: object, env: EnvType) -> str:
    """Return an image that holds its file."""
    token = tokens[index]
    content = base64.b64encode((env["folder"] / str(token.attrs["src"])).read_bytes()).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{token.content}">'


def table(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    """Return the start of a table, in a box."""
    return f"{box(tokens[:index])}<table>\n"


def formula(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    """Return a formula in display mode, in a box."""
    return f"{box(tokens[:index])}{mathml(tokens[index].content, {'display_mode': True})}</div>\n"


def box(before: Sequence[Token]) -> str:
    """Return the start of a box that the keyboard can scroll, named by the heading above."""
    *_, heading = (token for token in before if token.type == "heading_open")
    return f'<div role="group" tabindex="0" aria-labelledby="{heading.attrs["id"]}">'
