// The matrix of all pictures: what its controls say, kept in the address, so that a link shows the same view.
(() => {
  const { element, runs, picks, savePicks, view, matrixOrder, matrixCells, MatrixGrid, placePeek, hidePeek } = seedscope;
  const { scoreText, meanText, fillSeedHead, fillPromptHead, card } = matrixCells;
  const [run] = runs;
  const box = document.getElementById("matrix");
  const input = Object.fromEntries(
    ["by", "order", "view", "size", "text", "group", "seeds", "golden", "picked"].map((name) => [name, document.getElementById(`matrix-${name}`)]),
  );
  const SIDES = { small: 64, medium: 104, large: 200 };
  const CAPTION = 20;
  const PADDING = 6;
  const NARROW = 700;
  const first = Math.max(0, run.measures.findIndex(({ name }) => name === run.by || name === `${run.by}_witness`));
  const defaults = { by: run.measures[first]?.name ?? "", order: "run", view: "down", size: "medium", text: "", group: "", seeds: "", golden: false, picked: false, along: "" };
  const state = { ...defaults };
  let order = null; // as matrixOrder gives it
  let cells = null; // of the list of single pictures
  let code = null; // of the chosen score
  let codeOf = -1;
  let columns = 1;

  const measure = () => run.measures.findIndex(({ name }) => name === state.by);

  function fromHash() {
    const found = new URLSearchParams(location.hash.slice(1));
    for (const [name, value] of Object.entries(defaults)) {
      const text = found.get(name);
      state[name] = text === null ? value : typeof value === "boolean" ? text === "1" : text;
    }
    if (measure() < 0) state.by = defaults.by;
    if (!(state.size in SIDES)) state.size = defaults.size;
    for (const [name, control] of Object.entries(input)) {
      if (control.type === "checkbox") control.checked = state[name];
      else control.value = state[name];
      if (control.selectedIndex === -1) control.value = state[name] = defaults[name];
    }
    if (found.has("picks")) picks.add(found.get("picks"));
  }

  function hash(extra = {}) {
    const said = Object.entries(state).filter(([name, value]) => value !== defaults[name]);
    const text = new URLSearchParams([...said.map(([name, value]) => [name, value === true ? "1" : value]), ...Object.entries(extra)]).toString();
    return text ? `#${text}` : "";
  }

  function remember() {
    history.replaceState(null, "", hash() || `${location.pathname}`);
  }

  // "seed:17" or "prompt:ID" -> the axis of the line that the other axis is sorted by, and its place.
  function along() {
    const [axis, ...rest] = state.along.split(":");
    const name = rest.join(":");
    const line = axis === "seed" ? run.rowOf.get(name) : axis === "prompt" ? run.ids.indexOf(name) : undefined;
    return line === undefined || line < 0 ? ["", 0] : [axis, line];
  }

  async function arrange(options) {
    if (measure() !== codeOf) {
      codeOf = measure();
      code = null;
      if (codeOf >= 0) {
        const asked = codeOf;
        run.codesOf(codeOf).then((found) => {
          if (asked !== codeOf) return;
          code = found;
          arrange({ keep: true });
        });
      }
    }
    const better = run.measures[measure()]?.better ?? null;
    order = matrixOrder(run, { ...state, better, along: along() }, code, picks);
    cells = state.view === "list" ? order.cells() : null;
    input.seeds.setAttribute("aria-invalid", String(!order.understood));
    grid.show(shape(), options);
    tell(better);
  }

  function tell(better) {
    const count = (number) => number.toLocaleString("en");
    const pictures = run.seeds.length * run.prompts.length;
    const part = order.rows.length * order.places.length < pictures;
    const shown = cells
      ? `${count(cells.length)} of ${count(pictures)} pictures`
      : `${part ? "" : "All "}${count(order.rows.length)} seeds × ${count(order.places.length)} prompts`;
    const way = measure() < 0 ? "" : better ? `; ${better} is better` : "; no direction is good: the lowest stands for the worst";
    const wrong = order.understood ? "" : " Seeds are written like this: 7, 40-60.";
    document.getElementById("matrix-count").textContent = `${shown}${way}.${wrong}`;
  }

  // What lies at a place of the grid.
  function at(row, column) {
    if (cells) {
      const index = row * columns + column;
      return index < cells.length ? cells.at(index) : null;
    }
    const [seed, place] = state.view === "down" ? [row, column] : [column, row];
    return seed < order.rows.length && place < order.places.length ? [order.rows[seed], order.places[place]] : null;
  }

  function shape() {
    const side = SIDES[state.size];
    const { width: w, height: h } = run.grid;
    const [width, height] = [side + PADDING, Math.round((side * h) / w) + PADDING + CAPTION];
    const narrow = innerWidth < NARROW;
    const down = state.view === "down";
    const common = { width, height: height + (cells ? 16 : 0), cell: fillCell, rowHead: (row, head) => fillHead(row, head, down), columnHead: (column, head) => fillHead(column, head, !down) };
    if (cells) {
      columns = Math.max(1, Math.floor((box.clientWidth - 4) / width));
      return { ...common, rows: Math.ceil(cells.length / columns), columns, headWidth: 0, headHeight: 0 };
    }
    const [rows, wide] = down ? [order.rows.length, order.places.length] : [order.places.length, order.rows.length];
    return { ...common, rows, columns: wide, headWidth: down ? (narrow ? 76 : 108) : narrow ? 104 : 180, headHeight: down ? 84 : 58 };
  }

  function fillCell(row, column, cell) {
    const found = at(row, column);
    if (!found) return false;
    const score = code ? scoreText(measure(), code(...found)) : "";
    matrixCells.fillCell(cell, { row: found[0], place: found[1], measure: measure(), score, side: SIDES[state.size], named: cells !== null });
    return true;
  }

  function fillHead(index, head, ofSeed) {
    const mean = (found) => (code ? meanText(measure(), found) : "");
    if (ofSeed) {
      const row = order.rows[index];
      const sorts = state.along === `seed:${run.seeds[row]}`;
      fillSeedHead(head, { row, mean: mean(order.ofSeed(row)), narrow: innerWidth < NARROW, sorts });
    } else {
      const place = order.places[index];
      fillPromptHead(head, { place, mean: mean(order.ofPrompt(place)), sorts: state.along === `prompt:${run.ids[place]}` });
    }
  }

  function opened(row, column) {
    hidePeek();
    if (row < 0 || column < 0) {
      const ofSeed = (column < 0) === (state.view === "down");
      const name = ofSeed ? `seed:${run.seeds[order.rows[Math.max(row, column)]]}` : `prompt:${run.ids[order.places[Math.max(row, column)]]}`;
      state.along = state.along === name ? "" : name;
      remember();
      arrange({ keep: true });
      return;
    }
    const found = at(row, column);
    if (!found) return;
    view({
      run,
      seed: run.seeds[found[0]],
      place: found[1],
      seeds: order.rows.map((each) => run.seeds[each]),
      places: order.places,
      closed: (seed, place) => {
        box.focus({ preventScroll: true });
        if (cells) return;
        const to = [order.rows.indexOf(run.rowOf.get(seed)), order.places.indexOf(place)];
        grid.go(...(state.view === "down" ? to : to.reverse()));
        hidePeek();
      },
    });
  }

  let pointedAt = null;
  async function showCell(row, column, cell) {
    const found = row < 0 || column < 0 ? null : at(row, column);
    pointedAt = cell;
    if (!found || !cell) return hidePeek();
    const [seed, place] = [run.seeds[found[0]], found[1]];
    const content = await card(seed, place);
    if (pointedAt === cell && !document.querySelector("dialog[open]")) placePeek(cell.getBoundingClientRect(), ...content);
  }

  const grid = new MatrixGrid(box, {
    opened,
    moved: showCell,
    picked: (row, column) => {
      const found = at(row, column);
      if (found) picks.toggle(run.seeds[found[0]], found[1]);
    },
  });
  box.addEventListener("mouseover", ({ target }) => {
    const cell = target.closest(".matrix-cell");
    if (cell) showCell(Number(cell.dataset.row), Number(cell.dataset.column), cell);
  });
  box.addEventListener("mouseleave", () => {
    pointedAt = null;
    hidePeek();
  });
  box.addEventListener("scroll", hidePeek, { passive: true });
  box.addEventListener("blur", hidePeek);

  function changed() {
    for (const [name, control] of Object.entries(input)) state[name] = control.type === "checkbox" ? control.checked : control.value;
    remember();
    arrange();
  }

  function tellPicks() {
    const count = picks.tags.size;
    document.getElementById("picks-count").textContent = count
      ? `${count} ${count === 1 ? "picture is" : "pictures are"} picked; this browser keeps them.`
      : "None yet. P picks the picture under the cursor; an open picture has a button for it, and takes a tag.";
    for (const name of ["csv", "json", "clear"]) document.getElementById(`picks-${name}`).disabled = !count;
    document.getElementById("matrix-link").dataset.copy = location.href.split("#")[0] + hash(count ? { picks: picks.text } : {});
  }

  input.by.append(...run.measures.map(({ name, title }) => element("option", { value: name, textContent: title })));
  const groups = [...new Set(run.groups)].filter(Boolean).sort();
  input.group.append(...groups.map((group) => element("option", { value: group, textContent: group })));
  input.group.parentElement.hidden = groups.length < 2;
  input.golden.parentElement.hidden = !run.golden.length;
  input.by.parentElement.hidden = !run.measures.length;
  fromHash();
  for (const control of Object.values(input)) control.addEventListener("input", changed);
  input.view.addEventListener("input", () => {
    if (state.view !== "list" || state.order !== "run") return;
    input.order.value = "worst";
    changed();
  });
  document.getElementById("matrix-swap").addEventListener("click", () => {
    input.view.value = state.view === "down" ? "across" : "down";
    changed();
  });
  document.getElementById("matrix-reset").addEventListener("click", () => {
    history.replaceState(null, "", location.pathname);
    fromHash();
    arrange();
  });
  document.getElementById("picks-csv").addEventListener("click", () => savePicks.csv(picks));
  document.getElementById("picks-json").addEventListener("click", () => savePicks.json(picks));
  document.getElementById("picks-clear").addEventListener("click", () => picks.clear());
  document.getElementById("matrix-link").addEventListener("mousedown", tellPicks);
  document.getElementById("matrix-link").addEventListener("focus", tellPicks);
  picks.onChange(() => {
    tellPicks();
    if (state.picked) arrange({ keep: true });
    else grid.refresh();
  });
  addEventListener("hashchange", () => {
    fromHash();
    arrange();
  });
  let wide = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === wide || !cells) return;
    wide = box.clientWidth;
    arrange({ keep: true });
  }).observe(box);
  const filters = ["text", "group", "seeds", "golden", "picked"];
  document.getElementById("matrix-filtering").open = innerWidth >= NARROW || filters.some((name) => state[name]);
  for (const name of ["matrix-controls", "matrix-filters"]) {
    const form = document.getElementById(name);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
  }
  arrange();
  tellPicks();
})();
