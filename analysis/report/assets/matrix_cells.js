// What a picture of the matrix, a heading and the card under the pointer show.
(() => {
  const { element, runs, picks, cut } = seedscope;
  const [run] = runs;
  const small = (textContent) => element("small", { textContent });
  const words = (textContent) => element("span", { className: "words", dir: "auto", textContent });

  const scoreText = (measure, code) => (measure < 0 || code === null ? "–" : run.text(measure, run.value(measure, code)));
  // A mean of yes and no is a share.
  const meanText = (measure, code) =>
    measure >= 0 && code !== null && run.measures[measure].rate
      ? `${Math.round(100 * run.value(measure, code))} %`
      : scoreText(measure, code);

  // score: as text, empty while it is not known. side: of the picture, in CSS pixels. named: whether the seed is written, too.
  function fillCell(cell, { row, place, measure, score, side, named }) {
    const seed = run.seeds[row];
    const there = run.has(seed, place);
    const file = side > 2 * run.grid.width ? run.fullOf(seed, place) : null; // a reduced copy would be coarse
    const picture = !there ? element("span", { className: "cut none" }) : file ? cut(file, 1, 1, 0) : run.thumb(seed, place);
    const picked = picks.has(seed, place);
    picture.style.setProperty("--shape", `${run.grid.width}/${run.grid.height}`);
    cell.append(picture, small(`${score}${picked ? ` ✓ ${picks.tag(seed, place)}` : ""}`), ...(named ? [small(`seed ${seed}`)] : []));
    cell.classList.toggle("picked", picked);
    cell.setAttribute("aria-selected", String(picked));
    const said = [
      `seed ${seed}`,
      run.prompts[place].slice(0, 120),
      there ? "" : "no picture",
      score ? `${run.measures[measure].title} ${score}` : "",
      picked ? "picked" : "",
    ];
    cell.setAttribute("aria-label", said.filter(Boolean).join(", "));
  }

  function fillSeedHead(head, { row, mean, narrow, sorts }) {
    const seed = run.seeds[row];
    const rank = run.rankOf.get(seed);
    const facts = [rank ? `rank ${rank}` : "", run.isGolden.has(seed) ? "golden" : ""].filter(Boolean).join(", ");
    head.append(element("b", { textContent: `seed ${seed}` }), small(facts), small(mean && !narrow ? `mean ${mean}` : mean));
    head.title = "Sort prompts by this seed";
    if (sorts) head.setAttribute("aria-sort", "other");
  }

  function fillPromptHead(head, { place, mean, sorts }) {
    head.append(words(run.prompts[place]), small(mean && `mean ${mean}`));
    head.title = `Sort seeds by this prompt: ${run.prompts[place].slice(0, 300)}`;
    if (sorts) head.setAttribute("aria-sort", "other");
  }

  // All scores of a picture.
  async function card(seed, place) {
    const scores = await run.scoresOf(seed);
    const list = element("dl", { className: "cell-scores" });
    run.measures.forEach(({ title }, measure) => {
      const value = run.text(measure, scores(measure, place));
      list.append(element("dt", { textContent: title }), element("dd", { textContent: value }));
    });
    const prompt = element("p", { className: "cell-prompt", dir: "auto", textContent: run.prompts[place] });
    return [element("b", { textContent: `seed ${seed}` }), prompt, list];
  }

  seedscope.matrixCells = { scoreText, meanText, fillCell, fillSeedHead, fillPromptHead, card };
})();
