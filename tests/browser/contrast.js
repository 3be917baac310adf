// Returns the texts below `root` whose contrast is less than 4.5 : 1, the minimum of
// WCAG 2, each with its contrast.
(root) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  function channels(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return { colour: [red, green, blue], alpha: alpha / 255 };
  }

  const over = (above, below) =>
    below.map((part, n) => above.colour[n] * above.alpha + part * (1 - above.alpha));

  function background(element) {
    if (!element) return [255, 255, 255];
    const own = channels(getComputedStyle(element).backgroundColor);
    return own.alpha === 1 ? own.colour : over(own, background(element.parentElement));
  }

  function luminance(colour) {
    const [red, green, blue] = colour
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(element) {
    const style = getComputedStyle(element);
    const below = background(element);
    const ink = channels(element.closest("svg") ? style.fill : style.color);
    const [dark, light] = [over(ink, below), below].map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function textOf(element) {
    if (element.matches("input[type=submit]")) return element.value;
    const own = [...element.childNodes].filter((node) => node.nodeType === 3);
    return own.map((node) => node.data.trim()).join(" ").trim();
  }

  return [...root.querySelectorAll("*")]
    .filter((element) => element.checkVisibility() && !element.matches("title, desc, option"))
    .filter((element) => /[\p{L}\p{N}]/u.test(textOf(element)))
    .map((element) => ({ text: textOf(element), contrast: contrast(element) }))
    .filter((each) => each.contrast < 4.5)
    .map((each) => `${each.text}: ${each.contrast.toFixed(2)}`);
};
