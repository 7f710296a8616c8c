// Which pictures the matrix shows, and in which order: filtered, and sorted by a score.
(() => {
  const { Run, understood } = seedscope;

  // Means of codes over one axis; null where nothing is known.
  function means(count, others, code) {
    return (index) => {
      let sum = 0;
      let known = 0;
      for (const other of others) {
        const found = code(index, other);
        if (found >= Run.MISSING) continue;
        sum += found;
        known += 1;
      }
      return known ? sum / known : null;
    };
  }

  // Worst or best first; what has no value stands last. Without a good direction the lowest counts as the worst.
  function sorted(indices, value, upwards) {
    const values = new Map(indices.map((index) => [index, value(index)]));
    const place = new Map(indices.map((index, at) => [index, at]));
    return [...indices].sort((a, b) => {
      const [x, y] = [values.get(a), values.get(b)];
      if (x === null || y === null) return (x === null) - (y === null) || place.get(a) - place.get(b);
      return (upwards ? x - y : y - x) || place.get(a) - place.get(b);
    });
  }

  // All cells, sorted by counting how many have each code: there may be a million.
  function list(rows, places, run, code, upwards, inOrder) {
    const width = run.prompts.length;
    const cells = new Uint32Array(rows.length * places.length);
    const keys = new Uint16Array(cells.length);
    const starts = new Uint32Array(Run.MISSING + 2);
    let at = 0;
    for (const row of rows) {
      for (const place of places) {
        const found = inOrder ? 0 : code(row, place);
        keys[at] = found >= Run.MISSING || upwards ? found : Run.MISSING - 1 - found;
        starts[keys[at] + 1] += 1;
        cells[at] = row * width + place;
        at += 1;
      }
    }
    for (let key = 1; key < starts.length; key += 1) starts[key] += starts[key - 1];
    const sorted = new Uint32Array(cells.length);
    cells.forEach((cell, from) => {
      sorted[starts[keys[from]]] = cell;
      starts[keys[from]] += 1;
    });
    return { length: sorted.length, at: (index) => [Math.floor(sorted[index] / width), sorted[index] % width] };
  }

  // state: see matrix.js. code: (row, place) of the chosen score, or null while it is read. -> rows of seeds, places of prompts,
  // their means as codes, and the list of single pictures.
  function order(run, state, code, picks) {
    const meant = understood(state.seeds);
    const wanted = state.text.trim().toLowerCase();
    let rows = run.seeds.map((_, row) => row).filter((row) => {
      const seed = run.seeds[row];
      return (typeof meant !== "function" || meant(seed)) && (!state.golden || run.isGolden.has(seed));
    });
    let places = run.prompts
      .map((_, place) => place)
      .filter((place) => run.prompts[place].toLowerCase().includes(wanted))
      .filter((place) => !state.group || run.groups[place] === state.group);
    if (state.picked) {
      const picked = picks.rows();
      const seeds = new Set(picked.map(({ seed }) => seed));
      const ids = new Set(picked.map(({ prompt_id }) => prompt_id));
      rows = rows.filter((row) => seeds.has(run.seeds[row]));
      places = places.filter((place) => ids.has(run.ids[place]));
    }
    const known = code ?? (() => Run.MISSING);
    const ofSeed = means(run.seeds.length, places, known);
    const ofPrompt = means(run.prompts.length, rows, (place, row) => known(row, place));
    const upwards = (state.better === "lower") !== (state.order === "worst");
    const [axis, line] = state.along;
    const one = (found) => (found >= Run.MISSING ? null : found);
    if (code && (state.order !== "run" || axis)) {
      const up = state.order === "run" ? state.better === "lower" : upwards; // a heading alone means: the best first
      const bySeed = axis === "prompt" ? (row) => one(code(row, line)) : ofSeed;
      const byPrompt = axis === "seed" ? (place) => one(code(line, place)) : ofPrompt;
      if (state.order !== "run" || axis === "prompt") rows = sorted(rows, bySeed, up);
      if (state.order !== "run" || axis === "seed") places = sorted(places, byPrompt, up);
    }
    const cells = () => {
      const chosen = list(rows, places, run, known, upwards, !code || state.order === "run");
      if (!state.picked) return chosen;
      const kept = Array.from({ length: chosen.length }, (_, index) => chosen.at(index)).filter(([row, place]) =>
        picks.has(run.seeds[row], place),
      );
      return { length: kept.length, at: (index) => kept[index] };
    };
    return { rows, places, ofSeed, ofPrompt, cells, understood: meant !== undefined };
  }

  seedscope.matrixOrder = order;
})();
