// Two runs: the pictures that both have, side by side, some seeds at a time.
(() => {
  const { page, runs, element, understood, view } = seedscope;
  const [first, second] = runs;
  runs.forEach((run, place) => (run.title = page.names[place]));
  const STEP = 10;
  const PROMPTS = 12; // of a seed, at once
  const box = document.getElementById("pair");
  const more = document.getElementById("pair-more");
  const input = Object.fromEntries(["seeds", "filter", "text"].map((name) => [name, document.getElementById(`pair-${name}`)]));
  const places = first.ids.flatMap((id, place) => (second.ids.includes(id) ? [place] : []));
  const common = new Set(first.seeds.filter((seed) => second.rowOf.has(seed)));
  const kinds = [
    [`golden in ${first.title}`, first.golden],
    [`golden in ${second.title}`, second.golden],
    [`best in ${first.title}`, first.ranked],
    [`best in ${second.title}`, second.ranked],
    ["as numbered", first.seeds],
  ].filter(([, seeds]) => seeds.some((seed) => common.has(seed)));
  let shown = STEP;

  function cut(run, seed, place) {
    const box = run.has(seed, place) ? run.thumb(seed, place) : element("span", { className: "cut" });
    box.style.setProperty("--shape", `${run.grid.width}/${run.grid.height}`);
    return box;
  }

  function standing(run, seed) {
    const rank = run.rankOf.get(seed);
    const golden = run.isGolden.has(seed) ? "golden, " : "";
    return `${run.title}: ${golden}${rank ? `rank ${rank} of ${run.ranked.length}` : "not ranked"}`;
  }

  function row(seed, seeds, prompts) {
    const cells = prompts.slice(0, PROMPTS).map((place) => {
      const there = second.ids.indexOf(first.ids[place]);
      const button = element("button", { type: "button" }, cut(first, seed, place), cut(second, seed, there));
      button.append(element("span", { className: "words", dir: "auto", textContent: first.prompts[place] }));
      button.setAttribute("aria-label", `Seed ${seed} in both runs: ${first.prompts[place].slice(0, 200)}`);
      button.addEventListener("click", () => view({ run: first, seed, place, seeds, places: prompts, against: "run:1" }));
      return element("li", {}, button);
    });
    const words = `${standing(first, seed)}; ${standing(second, seed)}`;
    const head = element("h3", { textContent: `Seed ${seed}` }, element("small", { textContent: words }));
    return element("div", { className: "pair-seed" }, head, element("ul", { className: "pair-cells" }, ...cells));
  }

  function draw() {
    const meant = understood(input.filter.value);
    const wanted = input.text.value.trim().toLowerCase();
    input.filter.setAttribute("aria-invalid", String(meant === undefined));
    const listed = typeof meant === "function" ? first.seeds.filter(meant) : kinds[Number(input.seeds.value)][1];
    const seeds = listed.filter((seed) => common.has(seed));
    const fitting = places.filter((place) => first.prompts[place].toLowerCase().includes(wanted));
    const prompts = wanted ? fitting : [...fitting].sort((a, b) => first.shown.includes(b) - first.shown.includes(a));
    box.replaceChildren(...seeds.slice(0, shown).map((seed) => row(seed, seeds, prompts)));
    more.hidden = seeds.length <= shown;
    document.getElementById("pair-count").textContent =
      meant === undefined
        ? "Seeds are written like this: 7, 40-60."
        : `${Math.min(shown, seeds.length)} of ${seeds.length} seeds, ${Math.min(PROMPTS, prompts.length)} of ${prompts.length} prompts each; ${common.size} seeds and ${places.length} prompts are in both runs.`;
  }

  input.seeds.append(...kinds.map(([name], place) => element("option", { value: place, textContent: name })));
  for (const control of Object.values(input)) {
    control.addEventListener("input", () => {
      shown = STEP;
      draw();
    });
  }
  more.addEventListener("click", () => {
    shown += STEP;
    draw();
  });
  const controls = document.getElementById("pair-controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  draw();
})();
