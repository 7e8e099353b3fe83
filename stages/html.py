"""Turn the report into one HTML file that holds its figures and needs no network."""

import base64
from collections.abc import Sequence
from pathlib import Path

from stages.core.files import replacing
from stages.core.stage import run_stage

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

MARKDOWN, HTML = Path("reports/report.md"), Path("reports/report.html")
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Report</title>
<style>
body {{ max-width: 60rem; margin: auto; padding: 0 1rem; font: 1rem/1.5 sans-serif }}
img {{ display: block; max-width: 100%; margin: auto }}
div {{ overflow: auto hidden; break-inside: avoid }}
table {{ border-collapse: collapse; font-size: 0.875rem }}
td, th {{ padding: 0.2rem 0.6rem; border-bottom: 1px solid #ccc; text-align: left }}
code {{ overflow-wrap: anywhere }}
h2, h3 {{ break-after: avoid }}
</style>
{body}
</html>
"""


def main() -> None:
    """Write reports/report.html from reports/report.md."""
    markdown = MarkdownIt("commonmark").enable("table")
    markdown.use(anchors_plugin, max_level=3)
    markdown.use(dollarmath_plugin, renderer=mathml)
    markdown.add_render_rule("image", figure)
    markdown.add_render_rule("table_open", lambda *_: "<div><table>\n")
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    body = markdown.render(MARKDOWN.read_text(encoding="utf-8"))
    with replacing(HTML) as partial:
        partial.write_text(PAGE.format(body=body), encoding="utf-8")


def mathml(latex: str, options: dict[str, bool]) -> str:
    """Return a formula as MathML, in a line of its own in display mode."""
    return convert(latex, display="block" if options["display_mode"] else "inline")


def figure(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    """Return an image that holds its file. Raises FileNotFoundError if there is none."""
    token = tokens[index]
    content = base64.b64encode((MARKDOWN.parent / token.attrs["src"]).read_bytes()).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{token.content}">'


if __name__ == "__main__":
    run_stage(main)
