// Returns what does not fit below `root`: words that go on in another line, texts or
// pictures that overlap, and fields that reach beyond their card. What scrolls by
// itself is left out.
(root) => {
  const PICTURES = ".gamification-badge, .gamification-day__mark, .gamification-rank";
  const FIELDS = ":is(.gamification, fieldset) :is(input, select, button)";
  // The boxes of texts are a little higher than their letters.
  const MARGIN = 0.15;

  function isLaidOut(element) {
    for (let each = element; each !== root; each = each.parentElement) {
      const { clipPath, overflowX } = getComputedStyle(each);
      if (clipPath !== "none" || /auto|scroll/.test(overflowX)) return false;
    }
    return element.checkVisibility() && !element.matches("option");
  }

  function clipped(box, element) {
    let { left, top, right, bottom } = box;
    for (let each = element; each; each = each.parentElement) {
      if (getComputedStyle(each).overflow === "visible") continue;
      const frame = each.getBoundingClientRect();
      [left, top] = [Math.max(left, frame.left), Math.max(top, frame.top)];
      [right, bottom] = [Math.min(right, frame.right), Math.min(bottom, frame.bottom)];
    }
    return { left, top, right, bottom };
  }

  function boxOf(rectangle, element, name) {
    const slack = rectangle.height * MARGIN;
    const { left, top, right, bottom } = rectangle;
    const letters = { left, top: top + slack, right, bottom: bottom - slack };
    return { ...clipped(letters, element), element, name };
  }

  function rectanglesOf(node, start, end) {
    const range = new Range();
    range.setStart(node, start);
    range.setEnd(node, end);
    return [...range.getClientRects()].filter(({ width }) => width > 0);
  }

  function textNodes() {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    return nodes.filter((node) => node.data.trim() && isLaidOut(node.parentElement));
  }

  const nodes = textNodes();
  const broken = nodes.flatMap((node) =>
    [...node.data.matchAll(/[^\s\u2010-]+/g)]
      .filter(({ 0: word, index }) =>
        rectanglesOf(node, index, index + word.length).length > 1)
      .map(([word]) => `broken: ${word}`));

  const texts = nodes.flatMap((node) =>
    rectanglesOf(node, 0, node.length).map((rectangle) =>
      boxOf(rectangle, node.parentElement, node.data.trim())));
  const pictures = [...root.querySelectorAll(PICTURES)].filter(isLaidOut)
    .map((each) => boxOf(each.getBoundingClientRect(), each, each.className));

  // What is clipped away has a negative width or height.
  const isApart = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) <= 1 ||
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) <= 1;
  const isWithin = (a, b) => a.element.contains(b.element) || b.element.contains(a.element);

  const boxes = [...texts, ...pictures];
  const overlapping = boxes.flatMap((one, index) =>
    boxes.slice(index + 1)
      .filter((other) => !isApart(one, other) && !isWithin(one, other))
      .map((other) => `overlapping: ${one.name} | ${other.name}`));

  const edgeOf = (element) => element.getBoundingClientRect().right;
  const cardOf = (element) => element.closest(".gamification, fieldset");
  const beyond = [...root.querySelectorAll(FIELDS)].filter(isLaidOut)
    .filter((each) => edgeOf(each) > edgeOf(cardOf(each)))
    .map((each) => `beyond the card: ${each.name || each.textContent}`);

  return [...new Set([...broken, ...overlapping, ...beyond])];
};
