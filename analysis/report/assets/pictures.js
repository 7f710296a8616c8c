// The pictures of a run: where each lies, reduced or at its full size, and what was measured of it.
(() => {
  const { file, cut, written } = seedscope;
  const MISSING = 65535;
  const texts = new Map(); // script element -> what it brought

  // Files of numbers are scripts: a page from disk may not read files in any other way.
  function load(path) {
    const script = document.createElement("script");
    script.src = path;
    return new Promise((done, failed) => {
      script.addEventListener("load", () => {
        done(texts.get(script));
        texts.delete(script);
        script.remove();
      });
      script.addEventListener("error", () => failed(new Error(`${path} cannot be read`)));
      document.head.append(script);
    });
  }

  function numbers(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Uint16Array(bytes.buffer);
  }

  class Run {
    constructor(facts, root) {
      Object.assign(this, facts);
      this.root = root;
      this.rowOf = new Map(this.seeds.map((seed, row) => [seed, row]));
      this.rankOf = new Map(this.ranked.map((seed, place) => [seed, place + 1]));
      this.isGolden = new Set(this.golden);
      this.without = new Map(Object.entries(this.missing).map(([seed, places]) => [seed, new Set(places)]));
      this.endings = Object.entries(this.full).map(([ending, of]) => [
        ending,
        new Map(Object.entries(of).map(([seed, places]) => [seed, places === true || new Set(places)])),
      ]);
      this.kept = new Map();
    }

    seedPage = (seed) => `${this.root}seeds/${file(seed)}.html`;
    sheet = (seed) => `${this.root}images/sheets/${file(seed)}.jpg`;
    has = (seed, place) => !this.without.get(seed)?.has(place);
    thumb = (seed, place) => cut(this.sheet(seed), this.grid.columns, this.grid.rows, place);

    // The file of a picture at its full size; null where the report has none.
    fullOf(seed, place) {
      const name = `${this.root}pictures/${file(seed)}/${String(place).padStart(4, "0")}`;
      for (const [ending, of] of this.endings) {
        const places = of.get(seed);
        if (places === true ? this.has(seed, place) : places?.has(place)) return name + ending;
      }
      return null;
    }

    #once(name) {
      if (!this.kept.has(name)) this.kept.set(name, load(`${this.root}parts/scores/${name}.js`).then(numbers));
      return this.kept.get(name);
    }

    value(measure, code) {
      const { low, high } = this.measures[measure];
      return code >= MISSING ? null : low + (code / (MISSING - 1)) * (high - low);
    }

    // What one measurement says of all pictures, as whole numbers: code(row of the seed, place of the prompt); MISSING is none.
    async codesOf(measure) {
      const codes = await this.#once(`measure_${measure}`);
      const width = this.prompts.length;
      return (row, place) => codes[row * width + place];
    }

    // What all measurements say of the pictures of a seed: (measurement, place) -> number or null.
    async scoresOf(seed) {
      if (!this.measures.length) return () => null;
      const codes = await this.#once(`seed_${file(seed)}`);
      return (measure, place) => this.value(measure, codes[measure * this.prompts.length + place]);
    }

    text(measure, value) {
      const { rate, decimals } = this.measures[measure];
      if (value === null) return "–";
      return rate && (value === 0 || value === 1) ? (value ? "yes" : "no") : written(value, decimals);
    }
  }

  Run.MISSING = MISSING;
  seedscope.Run = Run;
  seedscope.runs = [];
  seedscope.receiveRun = (facts) => {
    const root = document.currentScript.getAttribute("src").replace(/parts\/run\.js$/, "");
    const { sheet, ...others } = facts;
    seedscope.runs.push(new Run({ ...others, grid: sheet }, root));
  };
  seedscope.receiveScores = (text) => texts.set(document.currentScript, text);
})();
