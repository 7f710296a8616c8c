// How seeds fare with each group of prompts: a table by one measurement at a time, sorted by its headings.
(() => {
  const { page, element, seedPage, written, labelled } = seedscope;
  const table = document.getElementById("groups-table");
  const choice = document.getElementById("groups-measure");
  const MOST = 64;
  const sort = { key: "group", ascending: true };
  const COLUMNS = [
    ["group", "Group"],
    ["prompts", "Prompts"],
    ["mean", "Mean"],
    ["golden", "Golden"],
    ["best", "Best seed"],
    ["worst", "Worst seed"],
  ];

  const value = (row, key) => (Array.isArray(row[key]) ? row[key][key === "golden" ? 0 : 1] : row[key]);

  function sorted(rows) {
    const way = sort.ascending ? 1 : -1;
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a, sort.key), value(b, sort.key)];
      if (x === null || y === null) return (x === null) - (y === null);
      return way * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
  }

  function head(shown) {
    const cells = shown.map(([key, name]) => {
      const button = element("button", { type: "button", textContent: name });
      button.addEventListener("click", () => {
        sort.ascending = sort.key === key ? !sort.ascending : key === "group";
        sort.key = key;
        draw();
        table.tHead.querySelector(`[data-key="${key}"] button`).focus();
      });
      const cell = element("th", { scope: "col" }, button);
      cell.dataset.key = key;
      cell.setAttribute("aria-sort", key !== sort.key ? "none" : sort.ascending ? "ascending" : "descending");
      return cell;
    });
    table.tHead.replaceChildren(element("tr", {}, ...cells));
  }

  function draw() {
    const { decimals, rows } = page.groups[choice.value];
    const shown = COLUMNS.filter(([key]) => key !== "golden" || rows.some(({ golden }) => golden[0] !== null));
    const small = (text) => element("small", { textContent: text });
    const cell = (row, key) => {
      if (key === "prompts") return [written(row.prompts, 0)];
      if (key === "mean") return [written(row.mean, decimals)];
      if (key === "golden") {
        const [mean, low, high] = row.golden;
        const between = low === null ? "no interval" : `${written(low, decimals, true)} to ${written(high, decimals, true)}`;
        const clear = low !== null && (low > 0 || high < 0);
        return [element(clear ? "b" : "span", { textContent: written(mean, decimals, true) }), " ", small(between)];
      }
      if (row[key] === null) return ["–"];
      const [seed, gain] = row[key];
      const link = element("a", { className: "seed", href: seedPage(seed), textContent: seed });
      link.dataset.seed = seed;
      return [link, " ", small(written(gain, decimals, true))];
    };
    const lines = sorted(rows)
      .slice(0, MOST)
      .map((row) => {
        const cells = shown.slice(1).map(([key]) => element("td", {}, ...cell(row, key)));
        return element("tr", {}, element("th", { scope: "row", textContent: row.group }), ...cells);
      });
    head(shown);
    table.tBodies[0].replaceChildren(...lines);
    labelled(table);
    const count = `${Math.min(MOST, rows.length)} of ${rows.length} groups`;
    document.getElementById("groups-count").textContent = rows.length > MOST ? `${count}; all are in the CSV file.` : "";
  }

  choice.addEventListener("input", draw);
  const controls = document.getElementById("groups-controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  draw();
})();
