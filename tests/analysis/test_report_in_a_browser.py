"""The report as a browser shows it, with the network off."""

import shutil

import pytest

import browser
from tlsfind.analysis import stage

pytestmark = pytest.mark.skipif(
    browser.executable() is None,
    reason="no chromium on the PATH (Debian: apt-get install chromium)",
)

IMAGES = """Array.from(document.images).map(image => ({
  name: image.alt, natural: image.naturalWidth, shown: image.getBoundingClientRect().width,
  complete: image.complete}))"""
#: Elements that stick out of the page to the right: what scrolls in a box of its own may.
WIDE = """Array.from(document.querySelectorAll('body *')).filter(element =>
  !element.closest('.scroll, pre') &&
  element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
).map(element => element.tagName + ' ' + element.textContent.slice(0, 40))"""
TARGETS = """Array.from(document.querySelectorAll('nav a')).map(link =>
  [link.getAttribute('href'), !!document.querySelector(link.getAttribute('href'))])"""
#: Cells that stick out of a box that does not scroll.
CUT = """Array.from(document.querySelectorAll('.scroll')).filter(box =>
  getComputedStyle(box).overflowX != 'auto' && box.scrollWidth > box.clientWidth + 1).length"""


@pytest.fixture(scope="module", params=["run", "poor_run"])
def page(request, tmp_path_factory):
    """The report of a run, open, and its folder."""
    run = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("page")
    stage.report(run.config, run.root, folder / "report.html")
    with browser.Browser(folder / "profile") as opened:
        opened.open(folder / "report.html")
        yield opened, folder


def test_every_image_is_shown(page):
    opened, _ = page
    images = opened.value(IMAGES)
    assert len(images) == len(stage.FIGURES)
    for image in images:
        assert image["complete"], image
        assert image["natural"] > 0, image
        assert image["shown"] > 200, image


def test_no_complaint_and_nothing_but_the_file(page):
    opened, folder = page
    assert opened.complaints == []
    assert set(opened.requests) == {(folder / "report.html").as_uri()}


def test_links_lead_somewhere_and_nothing_sticks_out(page):
    opened, _ = page
    targets = opened.value(TARGETS)
    assert len(targets) > 8
    assert [href for href, there in targets if not there] == []
    assert opened.value(WIDE) == []
    assert opened.value(CUT) == 0


def test_the_browser_would_notice(run, tmp_path):
    """A broken image, an error in a script and a request to a host are seen as such."""
    path = tmp_path / "bad.html"
    path.write_text(
        "<img src='data:image/png;base64,AAAA' alt='bad'><img src='http://host.invalid/a.png'>"
        "<script>console.error('wrong'); throw new Error('worse')</script>"
    )
    with browser.Browser(tmp_path / "profile") as opened:
        opened.open(path)
        assert [image["natural"] for image in opened.value(IMAGES)] == [0, 0]
        said = " ".join(opened.complaints)
        assert "wrong" in said
        assert "worse" in said
        assert "http://host.invalid/a.png" in opened.requests
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
