// All pictures of a seed, cut from its sheet, with their prompts; one of them large on request.
(() => {
  const { cut, prompts } = seedscope;
  const list = document.getElementById("pictures");
  if (!list) return;
  const { sheet, columns, rows } = list.dataset;
  const missing = new Set(list.dataset.missing.split(" ").filter(Boolean).map(Number));
  const filter = document.getElementById("picture-filter");
  const large = document.getElementById("large");
  const grid = [Number(columns), Number(rows)];
  let open = 0;

  const items = prompts.map((prompt, place) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.place = place;
    const words = document.createElement("span");
    words.className = "words";
    words.dir = "auto";
    words.textContent = prompt;
    button.append(cut(sheet, ...grid, place), words);
    if (missing.has(place)) {
      const note = document.createElement("em");
      note.textContent = "no picture";
      button.append(note);
    }
    item.append(button);
    return item;
  });
  list.append(...items);

  function narrow() {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    items.forEach((item, place) => {
      item.hidden = !prompts[place].toLowerCase().includes(wanted);
      shown += item.hidden ? 0 : 1;
    });
    document.getElementById("picture-count").textContent = wanted ? `${shown} of ${items.length} prompts.` : "";
  }

  function enlarge(place) {
    open = place;
    large.querySelector(".large-picture").replaceChildren(cut(sheet, ...grid, place));
    document.getElementById("large-prompt").textContent = prompts[place];
    if (!large.open) large.showModal();
  }

  function step(by) {
    const places = items.flatMap((item, place) => (item.hidden ? [] : [place]));
    enlarge(places[(places.indexOf(open) + by + places.length) % places.length]);
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) enlarge(Number(button.dataset.place));
  });
  large.addEventListener("click", (event) => {
    if (event.target === large || event.target.matches("[data-close]")) large.close();
    else if (event.target.dataset.step) step(Number(event.target.dataset.step));
  });
  large.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) step(by);
  });
  large.style.setProperty("--shape", list.style.getPropertyValue("--shape"));
  filter.addEventListener("input", narrow);
  const controls = document.getElementById("picture-controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
})();
