// Texts whose contrast with what is behind them is under 4.5 to 1 (WCAG 2.1 AA).
(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const luminance = (rgb) =>
    rgb
      .map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color.a > 0.9) return color.rgb;
    }
    return [255, 255, 255];
  };
  const bad = new Set();
  for (const node of document.querySelectorAll("h1, h2, h3, p, th, td, a, dt, dd, b, span, summary, button, li, code")) {
    if (!node.textContent.trim() || !node.checkVisibility() || node.closest(".skip, .sr, .chart")) continue;
    const [one, two] = [luminance(parse(getComputedStyle(node).color).rgb), luminance(behind(node))].sort((a, b) => b - a);
    if ((one + 0.05) / (two + 0.05) < 4.5) bad.add(node.tagName + "." + node.className + " " + node.textContent.trim().slice(0, 30));
  }
  return [...bad];
})()
