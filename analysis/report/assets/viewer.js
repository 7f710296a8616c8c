// A picture at its full size, with its prompt, seed and scores: zoom, arrow keys, and a slider between two pictures.
(() => {
  const { element, runs, picks, Zoom } = seedscope;
  let at = null; // { run, seed, place, seeds, places, closed }
  let rival = ""; // "" | "seed:17" | "run:1", the same cell in another run
  const button = (text, data, label = "") => {
    const made = element("button", { type: "button", textContent: text });
    Object.assign(made.dataset, data);
    if (label) made.setAttribute("aria-label", label);
    return made;
  };

  const front = element("div", { className: "viewer-layer" });
  const back = element("div", { className: "viewer-layer viewer-rival" });
  const line = element("div", { className: "viewer-line", hidden: true });
  const stage = element("div", { className: "viewer-stage" }, front, back, line);
  const slider = element("input", { type: "range", min: 0, max: 100, step: 0.5, value: 50, className: "viewer-slider" });
  slider.setAttribute("aria-label", "Where the first picture ends and the second begins");
  const names = element("p", { className: "viewer-names" }, element("span"), element("span"));
  const against = element("div", { className: "viewer-against", hidden: true }, slider, names);
  const prompt = element("p", { id: "viewer-prompt", dir: "auto" });
  const cell = element("p", { className: "viewer-cell" });
  const note = element("p", { className: "note" });
  const scores = element("dl", { className: "viewer-scores" });
  const words = element("div", { className: "viewer-words" }, prompt, cell, scores, note);
  words.setAttribute("aria-live", "polite");
  const choice = element("select");
  const pick = button("Pick", { pick: "" });
  const tag = element("input", { type: "text", maxLength: 60, placeholder: "tag", autocomplete: "off" });
  tag.setAttribute("aria-label", "Tag of the picked picture");
  const steps = element(
    "div",
    { className: "viewer-steps" },
    element("span", { className: "step" }, button("←", { place: -1 }, "Prompt before"), " prompt ", button("→", { place: 1 }, "Next prompt")),
    element("span", { className: "step" }, button("↑", { seed: -1 }, "Seed before"), " seed ", button("↓", { seed: 1 }, "Next seed")),
    element("span", { className: "step" }, button("−", { zoom: 0.667 }, "Zoom out"), " zoom ", button("+", { zoom: 1.5 }, "Zoom in")),
    element("label", {}, "Compare with ", choice),
    element("span", { className: "step", hidden: picks === null }, pick, tag),
  );
  const close = button("Close", { close: "" });
  const dialog = element("dialog", { id: "viewer" }, close, stage, against, element("div", { className: "viewer-side" }, words, steps));
  dialog.setAttribute("aria-labelledby", "viewer-prompt");
  document.body.append(dialog);
  const zoom = new Zoom(stage, (transform) => {
    for (const picture of stage.querySelectorAll(".viewer-picture")) picture.style.transform = transform;
  });

  // The other picture: its run, seed and place, or null.
  function second() {
    const [kind, name] = rival.split(":");
    if (kind === "seed") return { run: at.run, seed: name, place: at.place };
    if (kind !== "run") return null;
    const run = runs[Number(name)];
    const place = run.ids.indexOf(at.run.ids[at.place]);
    return place >= 0 && run.rowOf.has(at.seed) ? { run, seed: at.seed, place } : null;
  }

  function picture({ run, seed, place }) {
    const path = run.fullOf(seed, place);
    const box = path ? element("img", { src: path, draggable: false }) : element("span", {}, run.thumb(seed, place));
    box.classList.add("viewer-picture");
    const label = run.has(seed, place) ? `Seed ${seed}: ${run.prompts[place]}` : `No picture of seed ${seed}`;
    if (path) {
      box.alt = label;
      box.addEventListener("load", () => box.classList.toggle("coarse", box.naturalWidth < 200));
    } else {
      box.setAttribute("role", "img");
      box.setAttribute("aria-label", label);
      box.style.setProperty("--shape", `${run.grid.width}/${run.grid.height}`);
      box.style.setProperty("--ratio", run.grid.width / run.grid.height);
    }
    return box;
  }

  const nameOf = ({ run, seed }) => (runs.length > 1 ? `seed ${seed}, ${run.title}` : `seed ${seed}`);

  async function showScores(one, other) {
    const [first, last] = await Promise.all([one.run.scoresOf(one.seed), other?.run.scoresOf(other.seed)]);
    if (at?.seed !== one.seed || at.place !== one.place) return; // gone on in the meantime
    const matching = (name) => other.run.measures.findIndex((measure) => measure.name === name);
    scores.replaceChildren(
      ...one.run.measures.map(({ title, name }, measure) => {
        const values = [one.run.text(measure, first(measure, one.place))];
        const there = other ? matching(name) : -1;
        if (other) values.push(there < 0 ? "–" : other.run.text(there, last(there, other.place)));
        return element("div", {}, element("dt", { textContent: title }), ...values.map((text) => element("dd", { textContent: text })));
      }),
    );
  }

  function about({ run, seed, place }) {
    const link = element("a", { href: run.seedPage(seed), textContent: `seed ${seed}` });
    const rank = run.rankOf.get(seed);
    const facts = [
      rank ? `rank ${rank} of ${run.ranked.length}` : "",
      run.isGolden.has(seed) ? "golden" : "",
      run.groups[place] ? `group ${run.groups[place]}` : "",
      run.has(seed, place) ? "" : "no picture",
    ].filter(Boolean);
    cell.replaceChildren(link, facts.length ? `, ${facts.join(", ")}` : "");
    const path = run.fullOf(seed, place);
    if (path) cell.append(" ", element("a", { href: path, download: `seed-${seed}-${run.ids[place]}${path.slice(path.lastIndexOf("."))}`, textContent: "Save" }));
    note.textContent = path || !run.has(seed, place) ? "" : "A reduced copy: this report has other pictures at their full size. With --pictures all it has each.";
  }

  function showPick() {
    if (!picks || !at) return;
    pick.parentElement.hidden = at.run !== picks.run;
    const picked = picks.has(at.seed, at.place);
    pick.textContent = picked ? "Picked" : "Pick";
    pick.setAttribute("aria-pressed", String(picked));
    tag.hidden = !picked;
    tag.value = picks.tag(at.seed, at.place);
  }

  function show() {
    const other = second();
    front.replaceChildren(picture(at));
    back.replaceChildren(...(other ? [picture(other)] : []));
    back.hidden = against.hidden = line.hidden = !other;
    if (other) [names.firstChild.textContent, names.lastChild.textContent] = [nameOf(at), nameOf(other)];
    zoom.reset();
    prompt.textContent = at.run.prompts[at.place];
    scores.replaceChildren();
    about(at);
    showScores({ ...at }, other);
    showPick();
    divide();
  }

  function divide() {
    dialog.style.setProperty("--divide", `${slider.value}%`);
  }

  function fillChoice() {
    const option = (value, text) => element("option", { value, textContent: text });
    const { golden, isGolden, seeds } = at.run;
    choice.replaceChildren(
      option("", "nothing"),
      ...runs.flatMap((run, place) => (run === at.run ? [] : [option(`run:${place}`, `the same in ${run.title}`)])),
      ...golden.map((seed) => option(`seed:${seed}`, `seed ${seed}, golden`)),
      ...seeds.filter((seed) => !isGolden.has(seed)).map((seed) => option(`seed:${seed}`, `seed ${seed}`)),
    );
    choice.value = rival;
    if (choice.selectedIndex < 0) choice.value = rival = "";
  }

  const step = (list, now, by) => list[(list.indexOf(now) + by + list.length) % list.length];
  function move({ place = 0, seed = 0 }) {
    if (place) at.place = step(at.places, at.place, place);
    if (seed) at.seed = step(at.seeds, at.seed, seed);
    show();
    const next = at.run.fullOf(at.seed, step(at.places, at.place, place || 1));
    if (next) new Image().src = next;
  }

  // cell: run, seed, place; seeds and places: the lists that the arrow keys walk. against: as `rival`.
  function open({ run, seed, place, seeds = run.seeds, places = run.prompts.map((_, each) => each), against = "", closed = null }) {
    at = { run, seed, place, seeds, places, closed };
    rival = against;
    fillChoice();
    if (!dialog.open) dialog.showModal();
    show();
  }

  dialog.addEventListener("click", (event) => {
    const data = event.target.closest("button")?.dataset ?? {};
    if (event.target === dialog || "close" in data) dialog.close();
    else if (data.place || data.seed) move({ place: Number(data.place ?? 0), seed: Number(data.seed ?? 0) });
    else if (data.zoom) zoom.by(Number(data.zoom));
    else if ("pick" in data) picks.toggle(at.seed, at.place);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowRight: { place: 1 }, ArrowLeft: { place: -1 }, ArrowDown: { seed: 1 }, ArrowUp: { seed: -1 } };
    const factor = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 }[event.key];
    if (moves[event.key]) move(moves[event.key]);
    else if (factor) zoom.by(factor);
    else if (event.key === "0") zoom.reset();
    else if (event.key === "p" && picks) picks.toggle(at.seed, at.place);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    const { closed, seed, place } = at;
    at = null;
    closed?.(seed, place);
  });
  choice.addEventListener("change", () => {
    rival = choice.value;
    show();
  });
  slider.addEventListener("input", divide);
  tag.addEventListener("change", () => picks.set(at.seed, at.place, tag.value.trim()));
  picks?.onChange(showPick);

  // Dragging moves what is zoomed, and otherwise the line between two pictures.
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!stage.hasPointerCapture(event.pointerId)) return;
    if (zoom.scale > 1) return zoom.drag(event.movementX, event.movementY);
    if (back.hidden) return;
    const frame = stage.getBoundingClientRect();
    slider.value = (100 * (event.clientX - frame.left)) / frame.width;
    divide();
  });

  // A picture of a page opens here; with a key held down, its link is followed.
  document.addEventListener("click", (event) => {
    const shown = event.target.closest?.(".picture");
    if (!shown || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const around = (shown.closest("table, ul") ?? document).querySelectorAll(".picture");
    const near = [...around].filter((each) => !each.closest("[hidden]"));
    const seeds = new Set(near.map((each) => each.dataset.seed));
    open({
      run: runs[0],
      seed: shown.dataset.seed,
      place: Number(shown.dataset.place),
      seeds: seeds.size > 1 ? [...seeds] : runs[0].seeds,
      places: [...new Set(near.map((each) => Number(each.dataset.place)))],
      closed: (seed, place) =>
        near.find((each) => each.dataset.seed === seed && Number(each.dataset.place) === place)?.focus({ preventScroll: true }),
    });
  });

  seedscope.view = open;
})();
