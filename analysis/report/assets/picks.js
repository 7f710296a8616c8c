// Pictures that were picked, each with a tag or none: kept by the browser, carried by a link, saved as CSV or JSON.
(() => {
  const { element, runs } = seedscope;

  function plain(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text; // a link that was written by hand
    }
  }

  class Picks {
    #listeners = [];

    constructor(run) {
      this.run = run;
      this.key = `seedscope-picks:${run.title}:${run.seeds.length}:${run.ids.join(" ").slice(0, 400)}`;
      this.tags = new Map(); // "seed:place" -> tag
      try {
        this.tags = new Map(JSON.parse(localStorage.getItem(this.key) ?? "[]"));
      } catch {
        // a browser may refuse storage to pages from disk: picks then last as long as the page
      }
    }

    static name = (seed, place) => `${seed}:${place}`;
    has = (seed, place) => this.tags.has(Picks.name(seed, place));
    tag = (seed, place) => this.tags.get(Picks.name(seed, place)) ?? "";
    onChange = (listener) => this.#listeners.push(listener);

    set(seed, place, tag) {
      this.tags.set(Picks.name(seed, place), tag);
      this.#changed();
    }

    remove(seed, place) {
      this.tags.delete(Picks.name(seed, place));
      this.#changed();
    }

    toggle(seed, place) {
      if (this.has(seed, place)) this.remove(seed, place);
      else this.set(seed, place, "");
    }

    clear() {
      this.tags.clear();
      this.#changed();
    }

    // "17:3~hands,4:0" and back, for links.
    get text() {
      return [...this.tags].map(([name, tag]) => (tag ? `${name}~${encodeURIComponent(tag)}` : name)).join(",");
    }

    add(text) {
      for (const part of text.split(",")) {
        const found = /^(\d+):(\d+)(?:~(.*))?$/.exec(part);
        if (!found || !this.run.rowOf.has(found[1]) || Number(found[2]) >= this.run.ids.length) continue;
        this.tags.set(Picks.name(found[1], Number(found[2])), plain(found[3] ?? ""));
      }
      this.#changed();
    }

    rows() {
      return [...this.tags].map(([name, tag]) => {
        const [seed, place] = name.split(":");
        const { ids, prompts, groups } = this.run;
        return { seed, prompt_id: ids[place], prompt: prompts[place], group: groups[place], tag };
      });
    }

    #changed() {
      try {
        localStorage.setItem(this.key, JSON.stringify([...this.tags]));
      } catch {
        // as above
      }
      this.#listeners.forEach((listener) => listener());
    }
  }

  // Spreadsheets take a cell that begins like this for a formula.
  const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;

  function csv(rows) {
    const names = ["seed", "prompt_id", "prompt", "group", "tag"];
    return [names.join(","), ...rows.map((row) => names.map((name) => cell(row[name])).join(","))].join("\r\n") + "\r\n";
  }

  // Seeds are written as numbers: text of digits needs no quotes in JSON, and keeps what a number of JavaScript would lose.
  function json(rows) {
    const lines = rows.map(({ seed, ...others }) => `  {"seed": ${seed}, ${JSON.stringify(others).slice(1)}`);
    return `[\n${lines.join(",\n")}\n]\n`;
  }

  function save(name, text, type) {
    const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  seedscope.picks = runs.length ? new Picks(runs[0]) : null;
  seedscope.savePicks = {
    csv: (picks) => save("picks.csv", csv(picks.rows()), "text/csv"),
    json: (picks) => save("picks.json", json(picks.rows()), "application/json"),
  };
})();
