// Heat maps of the seeds that go furthest in some direction.
(() => {
  const { page, drawHeat, seedPage, written } = seedscope;
  const { seeds, heat, ...lists } = page.layout;
  const controls = document.getElementById("layout-controls");
  const order = document.getElementById("layout-order");
  const list = document.getElementById("layout-heats");
  const MOST = 24;
  const describe = {
    x: (value) => `${written(value, 2)} from left`,
    y: (value) => `${written(value, 2)} from top`,
    size: (value) => `${written(100 * value, 1)} %`,
    nearness: (value) => `near ${written(value, 2)}`,
  };

  function draw() {
    const [key, way] = order.value.split(":");
    const places = seeds.map((_, place) => place).filter((place) => lists[key][place] !== null);
    places.sort((a, b) => way * (lists[key][a] - lists[key][b]) || a - b);
    list.replaceChildren(
      ...places.slice(0, MOST).map((place) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.className = "seed";
        link.href = seedPage(seeds[place]);
        link.dataset.seed = seeds[place];
        const canvas = document.createElement("canvas");
        canvas.className = "heat";
        canvas.dataset.side = heat[place].side;
        canvas.dataset.cells = heat[place].cells;
        canvas.setAttribute("aria-hidden", "true");
        drawHeat(canvas);
        const name = document.createElement("b");
        name.textContent = `seed ${seeds[place]}`;
        const value = document.createElement("small");
        value.textContent = describe[key](lists[key][place]);
        link.append(canvas, name, value);
        item.append(link);
        return item;
      }),
    );
  }

  for (const option of [...order.options]) {
    const [key] = option.value.split(":");
    if (lists[key].every((value) => value === null)) option.remove();
  }
  if (!order.options.length) return;
  order.selectedIndex = 0;
  order.addEventListener("input", draw);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  draw();
})();
