"""Checks whether pages are accessible, as far as axe can tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: The address at which the site serves axe, so that a browser compiles it only once.
ADDRESS = "/axe.min.js"
SCRIPT = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_bytes()

#: Otherwise, axe would measure colours in the middle of a transition. The policy
#: forbids inline styles, but not stylesheets that scripts construct.
_STILL = """() => {
  const still = new CSSStyleSheet();
  still.replaceSync("*, ::before, ::after { transition: none !important }");
  document.adoptedStyleSheets.push(still);
}"""

#: With ``preload``, axe would request stylesheets from other addresses.
_RUN = """options => axe.run({
  preload: false,
  resultTypes: ["violations"],
  ...options,
}).then((result) => result.violations.map(
  ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html)}`
))"""

#: Says whether there is anything that axe takes for a region that scrolls.
_SCROLLS = """() => [...document.querySelectorAll("*")].some((each) => {
  const { overflowX, overflowY } = getComputedStyle(each);
  return each.scrollWidth > each.clientWidth && /auto|scroll/.test(overflowX)
    || each.scrollHeight > each.clientHeight && /auto|scroll/.test(overflowY);
})"""

#: The rule about the size of buttons, which axe does not apply by default.
_EXTRA = {"rules": {"target-size": {"enabled": True}}}


def violations(page: Page, *, only: Sequence[str] = (), extra: bool = False) -> Any:
    """Return what axe finds by ``only`` some rules, or by its own and an ``extra``."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(url=ADDRESS)
        page.evaluate(_STILL)
    if only:
        return page.evaluate(_RUN, {"runOnly": {"type": "rule", "values": only}})
    return page.evaluate(_RUN, _EXTRA if extra else {})


def out_of_reach(page: Page) -> Any:
    """Return the scrolling regions that axe finds out of reach of the keyboard."""
    if not page.evaluate(_SCROLLS):
        return []
    return violations(page, only=["scrollable-region-focusable"])
