// The plots: drawn when they come near the window, in the page's colours, for pointer and keyboard.
(() => {
  const { page, showPeek, hidePeek, seedPage } = seedscope;
  const drawn = new Map();
  const ready = new Map(); // box -> promise of its drawing

  function colours(value, style) {
    if (typeof value === "string" && value.startsWith("@")) return style.getPropertyValue(`--${value.slice(1)}`).trim();
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((each) => colours(each, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, colours(each, style)]));
  }

  function themed({ data, layout }) {
    const style = getComputedStyle(document.documentElement);
    const font = { family: getComputedStyle(document.body).getPropertyValue("--sans"), size: 13, color: style.getPropertyValue("--ink").trim() };
    const paper = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", dragmode: false, font };
    return { data: colours(data, style), layout: { ...paper, ...colours(layout, style) } };
  }

  function words(point, layout) {
    if (layout.meta?.places === false) return point.data.name === "seeds" ? "" : point.data.name;
    const digits = (number) => Number(number.toPrecision(3)).toString().replace("-", "−");
    const unit = layout.yaxis.title.text.endsWith("%") ? " %" : "";
    if (point.data.error_y) return `${digits(point.y)}${unit}`;
    return `${digits(point.x)}, ${digits(point.y)}`;
  }

  // Arrow keys go from seed to seed, from left to right; Enter opens the seed's page.
  function keyboard(box, figure) {
    const points = figure.data
      .flatMap((data) => (data.customdata ?? []).map((seed, place) => ({ data, seed, x: data.x[place], y: data.y[place] })))
      .sort((a, b) => a.x - b.x);
    if (!points.length) return;
    let at = -1;
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        event.preventDefault();
        at = (at + step + points.length) % points.length;
        const { xaxis, yaxis } = box._fullLayout;
        const frame = box.getBoundingClientRect();
        const left = frame.left + xaxis._offset + xaxis.l2p(points[at].x);
        const top = frame.top + yaxis._offset + yaxis.l2p(points[at].y);
        showPeek(points[at].seed, { left, top, bottom: top }, words(points[at], figure.layout));
      } else if (event.key === "Enter" && at >= 0) {
        location.href = seedPage(points[at].seed);
      }
    });
    box.addEventListener("blur", hidePeek);
  }

  function draw(box) {
    if (!ready.has(box)) ready.set(box, make(box));
    return ready.get(box);
  }

  async function make(box) {
    const figure = page.figures[box.dataset.figure];
    drawn.set(box, figure);
    const { data, layout } = themed(figure);
    await Plotly.newPlot(box, data, layout, { responsive: true, displayModeBar: false });
    box.on("plotly_hover", ({ points, event }) => {
      const seed = points[0].customdata;
      if (seed === undefined) return;
      showPeek(seed, { left: event.clientX + 12, top: event.clientY, bottom: event.clientY }, words(points[0], figure.layout));
    });
    box.on("plotly_unhover", hidePeek);
    box.on("plotly_click", ({ points }) => {
      if (points[0].customdata !== undefined) location.href = seedPage(points[0].customdata);
    });
    keyboard(box, figure);
  }

  const boxes = [...document.querySelectorAll("[data-figure]")];
  const near = new IntersectionObserver(
    (entries) => entries.filter(({ isIntersecting }) => isIntersecting).forEach(({ target }) => draw(target)),
    { rootMargin: "400px" },
  );
  boxes.forEach((box) => near.observe(box));
  addEventListener("beforeprint", () => boxes.forEach(draw));
  document.addEventListener("themechange", () => {
    for (const [box, figure] of drawn) {
      const { data, layout } = themed(figure);
      Plotly.react(box, data, { ...layout, dragmode: box._fullLayout?.dragmode ?? false });
    }
  });
  seedscope.drawFigure = draw;
})();
