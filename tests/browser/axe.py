"""Whether a page is for everybody, as far as axe can tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()

#: Colours that are still changing would be measured. The policy forbids inline styles,
#: though not those that scripts construct.
_STILL = """() => {
  const still = new CSSStyleSheet();
  still.replaceSync("*, ::before, ::after { transition: none !important }");
  document.adoptedStyleSheets.push(still);
}"""

#: Preloading would ask for stylesheets by other addresses.
_RUN = """rules => axe.run({
  preload: false,
  resultTypes: ["violations"],
  rules,
}).then((result) => result.violations.map(
  ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html)}`
))"""


def violations(page: Page, **rules: bool) -> list[str]:
    """Return what axe finds on the page.

    ``rules`` switches rules on or off, by their names with underscores.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
        page.evaluate(_STILL)
    switches = {
        name.replace("_", "-"): {"enabled": is_on} for name, is_on in rules.items()
    }
    return list(page.evaluate(_RUN, switches))
