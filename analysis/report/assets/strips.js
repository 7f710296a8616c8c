// Tables of pictures by keyboard: one stop of the tab key a table, arrow keys from picture to picture.
(() => {
  for (const table of document.querySelectorAll("table.strips")) {
    const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll(".picture")]);
    if (rows[0]?.[0]) rows[0][0].tabIndex = 0;
    table.addEventListener("focusin", ({ target }) => {
      if (!target.matches(".picture")) return;
      for (const each of rows.flat()) each.tabIndex = each === target ? 0 : -1;
    });
    table.addEventListener("keydown", (event) => {
      const row = rows.findIndex((each) => each.includes(event.target));
      const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      if (row < 0 || !by) return;
      event.preventDefault();
      rows[row + by[0]]?.[rows[row].indexOf(event.target) + by[1]]?.focus();
    });
  }
})();
