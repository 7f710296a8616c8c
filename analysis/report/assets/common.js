// What all pages share: names of files, numbers as text, pictures cut from strips, heat maps, and the pictures that show
// when one points at a seed.
window.seedscope = (() => {
  const held = document.getElementById("page-data");
  const page = held ? JSON.parse(held.textContent) : null;
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  const file = (seed) => String(seed).padStart(6, "0");
  const seedPage = (seed) => `seeds/${file(seed)}.html`;

  function element(kind, properties = {}, ...content) {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...content);
    return made;
  }

  function written(number, decimals, signed = false) {
    if (number === null || number === undefined) return "–";
    const text = Math.abs(number).toFixed(decimals).replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",");
    return (number < 0 ? "−" : signed ? "+" : "") + text;
  }

  // "7, 40-60" -> whether a seed is meant; null where the text says nothing, undefined where it cannot be understood.
  function understood(text) {
    const parts = text.split(/[\s,;]+/).filter(Boolean);
    if (!parts.length) return null;
    const ranges = parts.map((part) => /^(\d+)(?:[-–](\d+))?$/.exec(part));
    if (ranges.includes(null)) return undefined;
    const ends = ranges.map(([, from, to]) => [BigInt(from), BigInt(to ?? from)]);
    return (seed) => ends.some(([from, to]) => from <= BigInt(seed) && BigInt(seed) <= to);
  }

  // A cell of a file of pictures: x and y from 0 to 1 say which, columns and rows how many there are.
  function cut(path, columns, rows, place) {
    const box = element("span", { className: "cut" });
    const column = place % columns;
    const row = Math.floor(place / columns);
    box.style.backgroundImage = `url(${path})`;
    box.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    box.style.backgroundPosition =
      `${columns > 1 ? (100 * column) / (columns - 1) : 0}% ${rows > 1 ? (100 * row) / (rows - 1) : 0}%`;
    return box;
  }

  function drawHeat(canvas) {
    const side = Number(canvas.dataset.side);
    const pen = canvas.getContext("2d");
    canvas.width = canvas.height = side;
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    for (let place = 0; place < side * side; place += 1) {
      pen.globalAlpha = letters.indexOf(canvas.dataset.cells[place]) / (letters.length - 1);
      pen.fillRect(place % side, Math.floor(place / side), 1, 1);
    }
  }
  const drawHeats = () => document.querySelectorAll("canvas.heat").forEach(drawHeat);
  document.addEventListener("themechange", drawHeats);
  drawHeats();

  const peek = element("div", { id: "peek", hidden: true });
  peek.setAttribute("role", "tooltip");
  document.body.append(peek);

  // Show some pictures of a seed beside a place of the window.
  function showPeek(seed, box, words = "") {
    if (!page?.shown.length) return;
    const title = element("b", { textContent: `seed ${seed}` });
    const line = element("span", { textContent: words });
    const pictures = element("div", { className: "peek-pictures" });
    pictures.style.setProperty("--shape", page.shape.join("/"));
    page.shown.slice(0, 8).forEach((_, place) =>
      pictures.append(cut(`images/strips/${file(seed)}.jpg`, page.shown.length, 1, place)),
    );
    placePeek(box, title, line, pictures);
  }

  // Show something beside a place of the window.
  function placePeek(box, ...content) {
    peek.replaceChildren(...content);
    peek.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = peek;
    const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - width - 8);
    const below = box.bottom + 10;
    const top = below + height < innerHeight ? below : Math.max(8, box.top - height - 10);
    peek.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
  const hidePeek = () => {
    peek.hidden = true;
  };

  const seedLink = (event) => event.target.closest?.("a.seed");
  for (const kind of ["mouseover", "focusin"]) {
    document.addEventListener(kind, (event) => {
      const link = seedLink(event);
      if (link && !link.closest("table.strips")) showPeek(link.dataset.seed, link.getBoundingClientRect());
    });
  }
  for (const kind of ["mouseout", "focusout"]) {
    document.addEventListener(kind, (event) => seedLink(event) && hidePeek());
  }
  addEventListener("scroll", hidePeek, { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && hidePeek());

  // On a phone rows are cards: each value bears the name of its column, and tables say that they are tables, which a browser
  // forgets of what is laid out in another way.
  function labelled(table) {
    const names = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent.trim());
    table.setAttribute("role", "table");
    for (const row of table.rows) {
      row.setAttribute("role", "row");
      row.parentElement.setAttribute("role", "rowgroup");
      [...row.cells].forEach((cell, place) => {
        const head = cell.tagName === "TH";
        cell.setAttribute("role", head ? (cell.scope === "row" ? "rowheader" : "columnheader") : "cell");
        if (!head && names[place] && !table.matches(".strips")) cell.dataset.label = names[place];
      });
    }
  }
  document.querySelectorAll("table").forEach(labelled);

  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const text = button.dataset.copy;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Pages that are opened from a disk may not: the text is then selected, to be copied by hand.
        const field = Object.assign(document.createElement("input"), { value: text, readOnly: true });
        button.replaceWith(field);
        field.select();
        return;
      }
      const before = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = before), 2000);
    });
  }

  return { page, file, seedPage, element, written, understood, cut, drawHeat, showPeek, placePeek, hidePeek, labelled };
})();
