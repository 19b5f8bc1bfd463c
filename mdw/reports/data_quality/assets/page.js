(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set();
  const states = ["not expected", "complete", "part missing at the venue, or withheld", "nothing at the venue, or withheld", "part not fetched (ours)", "nothing fetched (ours)"];
  const DAY = 86400000;

  // --- theme -------------------------------------------------------------------------------------------------------
  let chosen = root.dataset.theme || "";
  const theme = () => chosen || (system.matches ? "dark" : "light");
  const button = document.getElementById("theme");
  function paint(name) {
    root.dataset.theme = name;
    button.textContent = name === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-pressed", String(name === "dark"));
    button.setAttribute("aria-label", name === "dark" ? "Change to light colours" : "Change to dark colours");
    for (const node of drawn) draw(node);
  }
  button.addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("mdw-theme", chosen); } catch (e) { /* a file without storage */ }
    paint(chosen);
  });
  system.addEventListener("change", () => paint(theme()));

  // --- charts ------------------------------------------------------------------------------------------------------
  function color(name) { return getComputedStyle(root).getPropertyValue("--" + name).trim(); }
  function resolve(value) {
    if (typeof value === "string") return value[0] === "@" ? color(value.slice(1)) : value;
    if (Array.isArray(value)) return value.length && typeof value[0] !== "object" && typeof value[0] !== "string" ? value : value.map(resolve);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item)]));
    return value;
  }
  function layoutOf(figure) {
    const layout = resolve(figure.layout);
    const axis = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("grid"), tickcolor: color("line") };
    for (const key of Object.keys(layout)) if (/^[xy]axis/.test(key)) layout[key] = { ...axis, ...layout[key] };
    return {
      ...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, dragmode: "zoom",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("ink") },
      hoverlabel: { bgcolor: color("panel"), bordercolor: color("line"), font: { color: color("ink") } }, uirevision: "keep",
    };
  }
  const config = { displayModeBar: false, responsive: true };
  function draw(node) {
    const figure = figures[node.dataset.figure];
    const layout = layoutOf(figure);
    if (!figure.coverage) { Plotly.react(node, resolve(figure.data), layout, config); return; }
    const span = node.visible || [0, figure.coverage.days];
    layout.xaxis.range = [stamp(figure, span[0]), stamp(figure, span[1])];
    Plotly.react(node, [heat(figure, node, span)], layout, config);
    if (!node.listening) {
      node.listening = true;
      node.on("plotly_relayout", (event) => zoom(node, figure, event));
    }
  }

  // --- coverage: as many columns as pixels; a column of several days shows the worst one ----------------
  function bytes(packed, Type) {
    if (!packed.array) {
      const text = atob(packed.bdata), raw = new Uint8Array(text.length);
      for (let at = 0; at < raw.length; at++) raw[at] = text.charCodeAt(at);
      packed.array = new Type(raw.buffer);
    }
    return packed.array;
  }
  function stamp(figure, day) { return new Date(Date.parse(figure.coverage.first) + day * DAY).toISOString().slice(0, 19); }
  function heat(figure, node, [from, to]) {
    const all = figure.coverage;
    const known = bytes(all.states, Uint8Array), bars = bytes(all.bars, Uint16Array);
    const columns = Math.max(50, Math.min(to - from, node.clientWidth - 210));
    const step = Math.ceil((to - from) / columns);
    const z = [], text = [];
    for (let row = 0; row < all.labels.length; row++) {
      const cells = [], words = [];
      for (let day = from; day < to; day += step) {
        let worst = 0, count = 0;
        for (let d = day; d < Math.min(day + step, to); d++) { worst = Math.max(worst, known[row * all.days + d]); count += bars[row * all.days + d]; }
        cells.push(worst); words.push(count);
      }
      z.push(cells); text.push(words);
    }
    const scale = states.flatMap((_, i) => [[i / 6, color("s" + i)], [(i + 1) / 6, color("s" + i)]]);
    return {
      type: "heatmap", z, customdata: text, y: all.labels, x0: stamp(figure, from + step / 2), dx: step * DAY, zmin: -0.5, zmax: 5.5,
      colorscale: scale, showscale: false, ygap: 2, xgap: to - from <= 120 ? 1 : 0, hoverongaps: false,
      hovertemplate: "%{y}<br>" + (step > 1 ? step + " days around " : "") + "%{x|%Y-%m-%d}: %{customdata:,} bars<br>%{text}<extra></extra>",
      text: z.map((row) => row.map((state) => states[state])),
    };
  }
  // Loading Plotly takes longer than the rest of the page: until then, a static image is shown in its place.
  function sketch(node) {
    const figure = figures[node.dataset.figure], { l, r, t, b } = figure.layout.margin;
    const canvas = document.createElement("canvas"), scale = devicePixelRatio || 1;
    const width = node.clientWidth, height = node.clientHeight;
    const z = heat(figure, node, [0, figure.coverage.days]).z, tall = (height - t - b) / z.length, wide = (width - l - r) / z[0].length;
    Object.assign(canvas, { className: "sketch", width: width * scale, height: height * scale });
    Object.assign(canvas.style, { width: width + "px", height: height + "px" });
    canvas.setAttribute("aria-hidden", "true");
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    Object.assign(pen, { font: "11px " + getComputedStyle(document.body).fontFamily, textAlign: "right", textBaseline: "middle" });
    const colors = states.map((_, state) => color("s" + state)), ink = color("ink");
    z.forEach((cells, row) => {
      const top = t + row * tall;
      pen.fillStyle = ink;
      pen.fillText(figure.coverage.labels[row], l - 5, top + tall / 2);
      for (let from = 0, to = 1; from < cells.length; from = to++) {
        while (to < cells.length && cells[to] === cells[from]) to++;
        pen.fillStyle = colors[cells[from]];
        pen.fillRect(l + from * wide, top + 1, (to - from) * wide, tall - 2);
      }
    });
    node.append(canvas);
    performance.mark("coverage-sketched");
  }
  function zoom(node, figure, event) {
    const all = figure.coverage, start = Date.parse(all.first);
    let span = null;
    if (event["xaxis.autorange"]) span = [0, all.days];
    else if (event["xaxis.range[0]"]) {
      const at = (text) => Math.round((Date.parse(String(text).replace(" ", "T").slice(0, 10)) - start) / DAY);
      span = [Math.max(0, at(event["xaxis.range[0]"])), Math.min(all.days, at(event["xaxis.range[1]"]) + 1)];
      if (span[1] - span[0] < 3) span[1] = Math.min(all.days, span[0] + 3);
    }
    if (span && String(span) !== String(node.visible || "")) { node.visible = span; draw(node); }
  }

  // --- visible charts first, others when scrolled near; everything before printing ---------------------------
  function show(node) {
    if (drawn.has(node)) return;
    drawn.add(node);
    node.querySelector(".sketch")?.remove();
    draw(node);
    node.dataset.drawn = "yes";
    if (drawn.size === 1) performance.mark("first-chart");
  }
  const nodes = [...document.querySelectorAll("[data-figure]")];
  paint(theme());
  nodes.filter((node) => figures[node.dataset.figure].coverage).forEach(sketch);
  // Plotly stays text until the page has been painted: parsing it takes longer than everything else.
  function load() {
    if (self.Plotly) return;
    const code = document.createElement("script");
    code.textContent = document.getElementById("plotly").textContent;
    document.head.append(code);
  }
  function start() {
    load();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); show(entry.target); }
    }, { rootMargin: "300px" });
    nodes.forEach((node) => watcher.observe(node));
  }
  if (nodes.length) requestAnimationFrame(() => setTimeout(start));
  addEventListener("beforeprint", () => { if (nodes.length) load(); paint("light"); nodes.forEach(show); });
  addEventListener("afterprint", () => paint(theme()));

  // A link into a collapsed section opens it and its parents.
  function unfold() {
    const part = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!part || part.tagName !== "DETAILS") return;
    for (let fold = part; fold; fold = fold.parentElement.closest("details")) fold.open = true;
    part.scrollIntoView();
  }
  addEventListener("hashchange", unfold); unfold();
})();
