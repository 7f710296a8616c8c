// All pictures of a seed, cut from its sheet, with their prompts.
(() => {
  const list = document.getElementById("pictures");
  if (!list) return;
  const { element, runs } = seedscope;
  const [run] = runs;
  const { seed } = list.dataset;
  const filter = document.getElementById("picture-filter");

  const items = run.prompts.map((prompt, place) => {
    const button = element("button", { type: "button", className: "picture" }, run.thumb(seed, place));
    Object.assign(button.dataset, { seed, place });
    button.append(element("span", { className: "words", dir: "auto", textContent: prompt }));
    if (!run.has(seed, place)) button.append(element("em", { textContent: "no picture" }));
    return element("li", {}, button);
  });
  list.append(...items);

  function narrow() {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    items.forEach((item, place) => {
      item.hidden = !run.prompts[place].toLowerCase().includes(wanted);
      shown += item.hidden ? 0 : 1;
    });
    document.getElementById("picture-count").textContent = wanted ? `${shown} of ${items.length} prompts.` : "";
  }

  filter.addEventListener("input", narrow);
  const controls = document.getElementById("picture-controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
})();
