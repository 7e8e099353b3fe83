"""The report as one HTML page that holds its figures and needs no network."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

from stages.report.markdown import TEMPLATES, render

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin


def to_html(text: str, folder: Path) -> str:
    """Return a Markdown text as one HTML page, with the PNG files that it shows, from a folder.

    Formulas are `$...$` in a line and ```math fences. A link to another file becomes its text: the
    page may be read elsewhere. Raises FileNotFoundError if a PNG file is missing.
    """
    markdown = MarkdownIt("commonmark").enable("table")
    markdown.use(anchors_plugin, max_level=6, permalink=True, permalinkSymbol="#")
    markdown.use(dollarmath_plugin, allow_space=False, allow_digits=False, renderer=mathml)
    markdown.add_render_rule("fence", fence)
    markdown.add_render_rule("image", image)
    markdown.add_render_rule("table_open", table)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    body = re.sub(
        r"<p>(<img .*>)</p>\n<p><em>(.*)</em></p>",
        r"<figure>\1<figcaption>\2</figcaption></figure>",
        markdown.render(text, {"folder": folder}),
    )
    body = re.sub(r'<a href="(?!#|https?:)[^"]*">(.*?)</a>', r"\1", body, flags=re.DOTALL)
    headings = re.findall(r'<h([23]) id="(.*?)">(.*) <a class="header-anchor"', body)
    return render(TEMPLATES / "page.html.jinja", body=body, headings=headings)


def mathml(latex: str, options: dict[str, bool]) -> str:
    """Return a formula as MathML, as a block in display mode."""
    return convert(latex, display="block" if options["display_mode"] else "inline")


def fence(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Return a formula in display mode, or code, in a box."""
    if tokens[index].info == "math":
        content = mathml(tokens[index].content, {"display_mode": True})
    else:
        content = self.fence(tokens, index, options, env)
    return f"{box(tokens[:index])}{content}</div>\n"


def image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Return an image that holds its file."""
    attributes = tokens[index].attrs
    content = base64.b64encode((env["folder"] / str(attributes["src"])).read_bytes()).decode()
    attributes["src"] = f"data:image/png;base64,{content}"
    return self.image(tokens, index, options, env)


def table(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    """Return the start of a table, in a box."""
    return f"{box(tokens[:index])}<table>\n"


def box(before: Sequence[Token]) -> str:
    """Return the start of a box that the keyboard can scroll, named by the heading above."""
    *_, heading = (token for token in before if token.type == "heading_open")
    return f'<div role="group" tabindex="0" aria-labelledby="{heading.attrs["id"]}">'
