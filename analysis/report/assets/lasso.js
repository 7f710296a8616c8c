// Seeds of the map, chosen by a lasso or by their cluster: their pictures, and the way to all of these.
(() => {
  const { page, runs, element, file, cut, seedPage, drawFigure } = seedscope;
  const box = document.getElementById("figure-style-map");
  const toggle = document.getElementById("lasso");
  const panel = document.getElementById("lasso-chosen");
  const SHOWN = 12;

  function row(seed) {
    const link = element("a", { className: "seed", href: seedPage(seed), textContent: `seed ${seed}` });
    link.dataset.seed = seed;
    const pictures = page.shown.map((words, place) => {
      const picture = element("a", { className: "picture", href: seedPage(seed) }, cut(`images/strips/${file(seed)}.jpg`, page.shown.length, 1, place));
      picture.dataset.seed = seed;
      picture.dataset.place = runs[0].shown[place];
      picture.setAttribute("aria-label", `seed ${seed}: ${words.slice(0, 200)}`);
      return picture;
    });
    return element("li", {}, link, element("div", { className: "lasso-pictures" }, ...pictures));
  }

  function show(seeds, name) {
    const more = seeds.length > SHOWN ? `, ${SHOWN} of them shown` : "";
    const said = element("p", { className: "status", textContent: `${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"} ${name}${more}. ` });
    said.setAttribute("role", "status");
    if (seeds.length) said.append(element("a", { href: `matrix.html#seeds=${encodeURIComponent(seeds.join(","))}`, textContent: "All their pictures" }));
    panel.replaceChildren(said, element("ul", { className: "lasso-seeds" }, ...seeds.slice(0, SHOWN).map(row)));
    panel.style.setProperty("--shape", page.shape.join("/"));
    panel.hidden = false;
  }

  toggle.addEventListener("click", async () => {
    await drawFigure(box);
    const on = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(on));
    Plotly.relayout(box, { dragmode: on ? "lasso" : false });
    if (box.dataset.listens) return;
    box.dataset.listens = "true";
    box.on("plotly_selected", (event) => {
      if (event) show([...new Set(event.points.map(({ customdata }) => customdata).filter(Boolean))], "in the lasso");
    });
    box.on("plotly_deselect", () => (panel.hidden = true));
  });
  for (const button of document.querySelectorAll("[data-cluster]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const trace = page.figures["style-map"].data.find(({ name }) => name === `cluster ${button.dataset.cluster}`);
      show(trace.customdata, `of cluster ${button.dataset.cluster}`);
    });
  }
  toggle.hidden = false;
})();
