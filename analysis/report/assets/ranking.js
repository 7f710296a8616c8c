// The ranking: sorted by a click on a heading, filtered by seed, in steps of rows so that a thousand seeds stay quick.
(() => {
  const { page, seedPage, understood, written } = seedscope;
  const MORE = 100;
  const table = document.getElementById("ranking-table");
  const controls = document.getElementById("ranking-controls");
  const input = {
    measure: document.getElementById("ranking-measure"),
    filter: document.getElementById("ranking-filter"),
    clear: document.getElementById("ranking-clear"),
    golden: document.getElementById("ranking-golden"),
    more: document.getElementById("ranking-more"),
    all: document.getElementById("ranking-all"),
  };
  const golden = new Set(page.golden);
  const received = new Map();
  const FIRST_ROWS = 20;
  const state = { measure: page.main, key: "rank", ascending: true, rows: FIRST_ROWS };

  const columns = () => [
    { key: "rank", name: "Rank" },
    { key: "seed", name: "Seed" },
    { key: "effect", name: "Effect" },
    { key: "value", name: "Value", minor: true },
    { key: "shrunk", name: "Shrunk", minor: true },
    { key: "q", name: "q", title: "false discovery rate at which the seed is better than the median seed", minor: true },
    { key: "top", name: page.topK ? `Top ${page.topK}` : "Top k", title: "probability of being among the best, where that seeds do not differ at all had an even chance beforehand; of a distance, share of resamples of the prompts in which it is", minor: true },
    { key: "n", name: "Pictures", minor: true },
  ];

  function receive(place, { decimals, chance, seeds, columns: lists }) {
    const at = (list, row) => (Array.isArray(list) ? list[row] : list);
    const rows = seeds.map((seed, row) => {
      const cells = Object.entries(lists).map(([name, list]) => [name, at(list, row)]);
      return { seed, ...Object.fromEntries(cells) };
    });
    const ends = rows.flatMap(({ low, high, effect }) => [low, high, effect]).filter((end) => end !== null);
    const all = [0, ...ends, ...(chance ?? [])];
    const low = all.reduce((a, b) => Math.min(a, b));
    const high = all.reduce((a, b) => Math.max(a, b));
    received.set(place, { decimals, chance, rows, low, high });
    if (place === state.measure) draw();
  }

  function chosen({ rows }) {
    const meant = understood(input.filter.value);
    input.filter.setAttribute("aria-invalid", String(meant === undefined));
    const better = (row) => row.q !== null && row.q <= 0.05;
    return rows.filter(
      (row) =>
        (typeof meant !== "function" || meant(row.seed)) &&
        (!input.clear.checked || input.clear.disabled || better(row)) &&
        (!input.golden?.checked || golden.has(row.seed)),
    );
  }

  const bySeed = (a, b) => Number(BigInt(a.seed) - BigInt(b.seed));

  function sorted(rows) {
    const { key, ascending } = state;
    const way = ascending ? 1 : -1;
    return rows.sort((a, b) => {
      if (a[key] === null || b[key] === null) return (a[key] === null) - (b[key] === null) || bySeed(a, b);
      return way * (key === "seed" ? bySeed(a, b) : a[key] - b[key]) || bySeed(a, b);
    });
  }

  function bar(row, { low, high, chance }) {
    const place = (value) => (4 + (152 * (value - low)) / (high - low || 1)).toFixed(1);
    const band = chance
      ? `<rect class="band" x="${place(chance[0])}" width="${(place(chance[1]) - place(chance[0])).toFixed(1)}" y="0" height="16"/>`
      : "";
    const span =
      row.low === null ? "" : `<line class="span" x1="${place(row.low)}" x2="${place(row.high)}" y1="8" y2="8"/>`;
    const dot = row.effect === null ? "" : `<circle cx="${place(row.effect)}" cy="8" r="3.5"/>`;
    const zero = `<line class="zero" x1="${place(0)}" x2="${place(0)}" y1="0" y2="16"/>`;
    return `<svg class="whiskers" width="160" height="16" viewBox="0 0 160 16" aria-hidden="true">${band}${zero}${span}${dot}</svg>`;
  }

  // Only numbers of this program go into the text of a row.
  function rowText(row, found) {
    const { decimals } = found;
    const effect = written(row.effect, decimals, true);
    const between =
      row.low === null ? "no interval" : `${written(row.low, decimals, true)} to ${written(row.high, decimals, true)}`;
    const small = (number) => (number === null ? "–" : number < 0.001 ? "&lt; 0.001" : number.toFixed(3));
    const mark = golden.has(row.seed) ? ' <i class="golden-mark" title="golden">golden</i>' : "";
    return `<tr><td>${written(row.rank, 0)}</td>
      <th scope="row"><a class="seed" href="${seedPage(row.seed)}" data-seed="${row.seed}">${row.seed}</a>${mark}</th>
      <td class="effect"><div>${bar(row, found)}<span>${effect}</span> <small>${between}</small></div></td>
      <td class="minor">${written(row.value, decimals)}</td><td class="minor">${written(row.shrunk, decimals, true)}</td>
      <td class="minor">${small(row.q)}</td><td class="minor">${small(row.top)}</td><td class="minor">${written(row.n, 0)}</td></tr>`;
  }

  // Made once, and only moved when the order changes: that is most of the time that a thousand rows take.
  function rowElement(row, found) {
    const holder = document.createElement("tbody");
    holder.innerHTML = rowText(row, found);
    return holder.firstElementChild;
  }

  function drawHead() {
    const row = document.createElement("tr");
    const { unit } = page.measures[state.measure];
    for (const { key, name, title, minor } of columns()) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = `of-${key} ${minor ? "minor" : ""}`;
      cell.setAttribute("aria-sort", key !== state.key ? "none" : state.ascending ? "ascending" : "descending");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.key = key;
      button.textContent = unit && ["effect", "value", "shrunk"].includes(key) ? `${name}, ${unit}` : name;
      if (title) button.title = title;
      cell.append(button);
      row.append(cell);
    }
    const focused = document.activeElement?.dataset?.key;
    table.tHead.replaceChildren(row);
    if (focused) table.tHead.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  function draw() {
    const found = received.get(state.measure);
    if (!found) return;
    drawHead();
    input.clear.disabled = found.rows.every(({ q }) => q === null); // no direction is good, or a distance
    const rows = sorted(chosen(found));
    table.tBodies[0].replaceChildren(...rows.slice(0, state.rows).map((row) => (row.element ??= rowElement(row, found))));
    const shown = Math.min(rows.length, state.rows);
    const wrong = input.filter.getAttribute("aria-invalid") === "true";
    const { better } = page.measures[state.measure];
    const way = better ? `${better} is better` : "no direction is good; rank 1 is the highest";
    document.getElementById("ranking-count").textContent = wrong
      ? "Seeds are written like this: 7, 40-60."
      : `${written(shown, 0)} of ${written(rows.length, 0)} ${rows.length === found.rows.length ? "seeds" : "seeds that fit"}; ${way}.`;
    input.more.hidden = rows.length <= state.rows + MORE;
    input.all.hidden = rows.length <= state.rows;
    input.all.textContent = `Show all ${written(rows.length, 0)}`;
  }

  function load(place) {
    state.measure = place;
    if (received.has(place)) return draw();
    const script = document.createElement("script");
    script.src = `parts/measure_${place}.js`;
    document.head.append(script);
  }

  table.tHead.addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.key;
    if (!key) return;
    state.ascending = key === state.key ? !state.ascending : ["rank", "seed", "q"].includes(key);
    state.key = key;
    draw();
  });
  input.measure.addEventListener("change", () => load(Number(input.measure.value)));
  for (const control of [input.filter, input.clear, input.golden]) control?.addEventListener("input", draw);
  controls.addEventListener("submit", (event) => event.preventDefault());
  input.more.addEventListener("click", () => {
    state.rows += MORE;
    draw();
  });
  input.all.addEventListener("click", () => {
    state.rows = Infinity;
    draw();
  });
  // Paper has all rows.
  let onScreen = state.rows;
  addEventListener("beforeprint", () => {
    onScreen = state.rows;
    state.rows = Infinity;
    draw();
  });
  addEventListener("afterprint", () => {
    state.rows = onScreen;
    draw();
  });
  input.measure.value = String(page.main); // browsers bring back what was chosen before a reload
  controls.hidden = false;
  seedscope.receive = receive;
})();
