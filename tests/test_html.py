"""The report as one HTML file, as a browser shows and prints it."""

import base64
import html
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

from stages.report.html import to_html

import pytest
from conftest import Project
from markdown_it import MarkdownIt

CHROMIUM = shutil.which("chromium")
# In a frame, as no window of Chromium is as narrow as a phone; it tells its parent what it sees.
FRAME = """
<script>addEventListener("message", event => document.title = event.data)</script>
<iframe src="page.html" width="{width}" height="1000" frameborder="0"></iframe>
"""
CHECK = """
<script>
addEventListener("load", async () => {
  const broken = [...document.images].filter(image => image.naturalWidth == 0).length
  const requests = performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:"))
  const outside = Math.max(0, document.documentElement.scrollWidth - innerWidth)
  const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"
  const counts = [document.images.length, broken, requests.length, innerWidth, outside, dark]
  const found = (await axe.run()).violations.filter(e => /serious|critical/.test(e.impact))
  const named = found.map(e => "; " + e.id + " " + e.nodes[0].html)
  parent.postMessage(counts.join(" ") + named.join(""), "*")
})
</script>
"""


@pytest.fixture
def page(reproduced: Project) -> str:
    return (reproduced.folder / "reports/report.html").read_text()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    npm = ["npm", "install", "--no-audit", f"--cache={folder}/cache", f"--prefix={folder}"]
    if not shutil.which("npm") or subprocess.run([*npm, "axe-core@4.14.1"]).returncode:
        pytest.skip("needs npm and its registry")
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


def chromium(folder: Path, *arguments: str) -> str:
    if not CHROMIUM:
        pytest.skip("needs chromium")
    command = [CHROMIUM, "--headless", "--no-sandbox", f"--user-data-dir={folder}/profile"]
    command += arguments
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_nothing_is_loaded_and_every_link_stays_in_the_page(page: str) -> None:
    assert not re.search(r"<(script|link|iframe)|@import|url\(", page)
    sources = re.findall(r'src="(.{5})', page)
    assert set(sources) == {"data:"}
    assert len(sources) == page.count("<img") == page.count("<figcaption>")
    assert "<th></th>" not in page
    assert set(re.findall(r'href="(#|https?:|.*?")', page)) <= {"#", "http:", "https:"}
    for target in re.findall(r'(?:href="#|aria-labelledby=")(.*?)"', page):
        assert f'id="{target}"' in page
    contents = re.findall(r'<a class="h[23]" href="#(.*?)"', page)
    assert contents == re.findall(r'<h[23] id="(.*?)"', page) != []


def test_every_formula_survives_a_parser_that_knows_none(reproduced: Project, page: str) -> None:
    """As on GitHub and in VS Code: what Markdown takes for its own is lost to the formula."""
    text = (reproduced.folder / "reports/report.md").read_text()
    blocks = MarkdownIt("commonmark").enable("table").parse(text)
    fences = [block.content for block in blocks if block.type == "fence" and block.info == "math"]
    assert fences == re.findall(r"^```math\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    formula = r"\$([^$]*)\$"
    pieces = [piece for block in blocks for piece in block.children or [] if piece.type == "text"]
    inline = [found for piece in pieces for found in re.findall(formula, piece.content)]
    assert inline == re.findall(formula, re.sub(r"```.*?```|`.*?`", "", text, flags=re.DOTALL))
    assert "$$" not in text
    shown = re.findall(r"<math.*?</math>", page, re.DOTALL)
    assert len(shown) == len(fences) + len(inline) > 0
    assert "\\" not in "".join(shown)
    assert "$" not in re.sub(r"<(style|img|math).*?(</style>|>|</math>)", "", page, flags=re.DOTALL)


def test_what_github_shows_as_formula_code_link_or_figure_the_page_does(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"content")
    page = to_html(
        "# Title\n## Of $x_i$\n[there](../README.md), [here](#title), for $5 or $6\n"
        "```math\n\\frac{a}{b} \\\\ c\n```\n```python\n$HOME < 1\n```\n"
        '![not "b"](a.png)\n\n*Figure 1. A $c$.*\n',
        tmp_path,
    )
    assert re.findall('<math.*? display="(.*?)"', page) == ["inline", "inline", "block", "inline"]
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in page
    assert '<p>there, <a href="#title">here</a>, for $5 or $6</p>' in page
    assert "$HOME &lt; 1" in page
    encoded = base64.b64encode(b"content").decode()
    assert f'src="data:image/png;base64,{encoded}" alt="not &quot;b&quot;"' in page
    assert "<figcaption>Figure 1. A " in page


@pytest.mark.slow(10)
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_a_browser_shows_all(page: str, axe: str, tmp_path: Path, width: int, scheme: str) -> None:
    (tmp_path / "page.html").write_text(f"{page}<script>{axe}</script>{CHECK}")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    number = ("dark", "light").index(scheme)  # as Chromium numbers them
    option = f"--blink-settings=preferredColorScheme={number}"
    arguments = "--virtual-time-budget=60000", "--dump-dom", f"file://{tmp_path}/frame.html"
    dom = chromium(tmp_path, option, *arguments)
    told = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)[1]
    assert told == f"{page.count('<img')} 0 0 {width} 0 {scheme}"


@pytest.mark.slow(3)
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs pdftotext, of poppler-utils")
def test_every_column_is_printed(page: str, tmp_path: Path) -> None:
    def characters(text: str) -> str:
        return "".join(unicodedata.normalize("NFKC", text).split())

    (tmp_path / "page.html").write_text(page)
    pdf = tmp_path / "page.pdf"
    chromium(tmp_path, f"--print-to-pdf={pdf}", f"file://{tmp_path}/page.html")
    command = ["pdftotext", "-raw", pdf, "-"]  # in the order of the page, cell by cell
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    heads = re.findall(r"<thead>.*?</thead>", page, re.DOTALL)
    assert heads
    for head in heads:
        assert characters(html.unescape(re.sub(r"<.*?>", "", head))) in characters(printed)
