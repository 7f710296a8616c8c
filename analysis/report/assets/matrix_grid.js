// A grid of which only what is in view exists, with heads that stay: for a million cells.
(() => {
  const { element } = seedscope;
  const AROUND = 1; // rows and columns beyond the edges

  class MatrixGrid {
    #rows = new Map();
    #shape = null;
    #waiting = false;

    // act: called as opened(row, column), moved(row, column, cell); -1 is a head.
    constructor(box, act) {
      Object.assign(this, { box, act, active: [0, 0] });
      this.heads = element("div", { className: "matrix-heads" });
      this.heads.setAttribute("role", "row");
      this.all = element("div", { className: "matrix-all" }, this.heads);
      this.all.setAttribute("role", "presentation");
      box.append(this.all);
      box.addEventListener("scroll", () => this.#soon(), { passive: true });
      new ResizeObserver(() => this.#soon()).observe(box);
      box.addEventListener("keydown", (event) => this.#key(event));
      box.addEventListener("click", ({ target }) => {
        const cell = target.closest("[data-row]");
        if (!cell || target.closest("a")) return;
        this.active = [Number(cell.dataset.row), Number(cell.dataset.column)];
        this.#mark();
        act.opened(...this.active);
      });
    }

    // shape: rows, columns; width and height of a cell; headWidth and headHeight, 0 for none; cell(row, column, box),
    // rowHead(row, box) and columnHead(column, box), which fill a box.
    show(shape, { keep = false } = {}) {
      this.#shape = shape;
      const { rows, columns, width, height, headWidth, headHeight } = shape;
      this.#empty();
      this.all.style.width = `${headWidth + columns * width}px`;
      this.all.style.height = `${headHeight + rows * height}px`;
      this.heads.style.height = `${headHeight}px`;
      this.heads.hidden = !headHeight;
      this.heads.setAttribute("aria-rowindex", 1);
      this.box.setAttribute("aria-rowcount", rows + (headHeight ? 1 : 0));
      this.box.setAttribute("aria-colcount", columns + (headWidth ? 1 : 0));
      if (!keep) {
        this.box.scrollTo(0, 0);
        this.active = [0, 0];
      }
      this.active = [Math.max(0, Math.min(this.active[0], rows - 1)), Math.max(0, Math.min(this.active[1], columns - 1))];
      this.#draw();
    }

    // Fill again what is in view.
    refresh() {
      this.#empty();
      this.#draw();
    }

    #empty() {
      const { headWidth, headHeight } = this.#shape;
      const corner = element("div", { className: "matrix-corner" });
      corner.style.width = `${headWidth}px`;
      this.#rows.clear();
      this.heads.replaceChildren(...(headWidth && headHeight ? [corner] : []));
      this.all.replaceChildren(this.heads);
    }

    go(row, column) {
      const { width, height, headWidth, headHeight } = this.#shape;
      this.active = [row, column];
      const { box } = this;
      const within = (from, size, start, room) => (from < start ? from : from + size > start + room ? from + size - room : start);
      const top = row < 0 ? box.scrollTop : within(row * height, height, box.scrollTop, box.clientHeight - headHeight);
      const left = column < 0 ? box.scrollLeft : within(column * width, width, box.scrollLeft, box.clientWidth - headWidth);
      box.scrollTo({ top, left, behavior: "instant" });
      this.#draw();
      this.act.moved(row, column, document.getElementById(this.#name(row, column)));
    }

    #name = (row, column) => `cell-${row}-${column}`;

    #soon() {
      if (this.#waiting) return;
      this.#waiting = true;
      requestAnimationFrame(() => {
        this.#waiting = false;
        this.#draw();
      });
    }

    #box(row, column, role, place) {
      const made = element("div", { id: this.#name(row, column), className: role === "gridcell" ? "matrix-cell" : "matrix-head" });
      made.setAttribute("role", role);
      made.setAttribute("aria-colindex", column + (this.#shape.headWidth ? 2 : 1));
      Object.assign(made.dataset, { row, column });
      Object.assign(made.style, place);
      return made;
    }

    #draw() {
      if (!this.#shape) return;
      const { rows, columns, width, height, headWidth, headHeight } = this.#shape;
      const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.box;
      const first = [Math.floor(scrollTop / height) - AROUND, Math.floor(scrollLeft / width) - AROUND].map((at) => Math.max(0, at));
      const last = [
        Math.min(rows, Math.ceil((scrollTop + clientHeight - headHeight) / height) + AROUND),
        Math.min(columns, Math.ceil((scrollLeft + clientWidth - headWidth) / width) + AROUND),
      ];
      const outside = (at, axis) => at < first[axis] || at >= last[axis];
      for (const head of [...this.heads.children]) if (outside(Number(head.dataset.column), 1)) head.remove();
      for (const [row, { line, cells }] of this.#rows) {
        if (outside(row, 0)) {
          line.remove();
          this.#rows.delete(row);
          continue;
        }
        for (const [column, cell] of cells) {
          if (!outside(column, 1)) continue;
          cell.remove();
          cells.delete(column);
        }
      }
      for (let column = first[1]; headHeight && column < last[1]; column += 1) {
        if (this.heads.querySelector(`[data-column="${column}"]`)) continue;
        const head = this.#box(-1, column, "columnheader", { left: `${headWidth + column * width}px`, width: `${width}px` });
        this.#shape.columnHead(column, head);
        this.heads.append(head);
      }
      for (let row = first[0]; row < last[0]; row += 1) this.#line(row, first[1], last[1]);
      this.#mark();
    }

    #line(row, from, to) {
      const { width, height, headWidth, headHeight, rowHead, cell } = this.#shape;
      if (!this.#rows.has(row)) {
        const line = element("div", { className: "matrix-row" });
        line.setAttribute("role", "row");
        line.setAttribute("aria-rowindex", row + (headHeight ? 2 : 1));
        Object.assign(line.style, { top: `${headHeight + row * height}px`, height: `${height}px` });
        if (headWidth) {
          const head = this.#box(row, -1, "rowheader", { width: `${headWidth}px` });
          rowHead(row, head);
          line.append(head);
        }
        this.all.append(line);
        this.#rows.set(row, { line, cells: new Map() });
      }
      const { line, cells } = this.#rows.get(row);
      for (let column = from; column < to; column += 1) {
        if (cells.has(column)) continue;
        const box = this.#box(row, column, "gridcell", { left: `${headWidth + column * width}px`, width: `${width}px` });
        if (cell(row, column, box)) line.append(box);
        cells.set(column, box);
      }
    }

    #mark() {
      this.all.querySelector(".active")?.classList.remove("active");
      const name = this.#name(...this.active);
      const cell = document.getElementById(name);
      cell?.classList.add("active");
      if (cell) this.box.setAttribute("aria-activedescendant", name);
      else this.box.removeAttribute("aria-activedescendant");
    }

    #key(event) {
      if (event.target !== this.box || event.ctrlKey || event.metaKey || event.altKey) return;
      const { rows, columns, headWidth, headHeight, height } = this.#shape;
      if (!rows || !columns) return;
      const [row, column] = this.active;
      const page = Math.max(1, Math.floor((this.box.clientHeight - headHeight) / height));
      const to = {
        ArrowDown: [row + 1, column],
        ArrowUp: [row - 1, column],
        ArrowRight: [row, column + 1],
        ArrowLeft: [row, column - 1],
        PageDown: [row + page, column],
        PageUp: [row - page, column],
        Home: [row, 0],
        End: [row, columns - 1],
      }[event.key];
      if (to) {
        const [top, left] = [headHeight ? -1 : 0, headWidth ? -1 : 0];
        const next = [Math.min(rows - 1, Math.max(top, to[0])), Math.min(columns - 1, Math.max(left, to[1]))];
        if (next[0] < 0 && next[1] < 0) next[next[0] === row ? 0 : 1] = 0; // the corner is no cell
        this.go(...next);
      } else if (event.key === "Enter") this.act.opened(row, column);
      else if (event.key.toLowerCase() === "p") this.act.picked(row, column);
      else return;
      event.preventDefault();
    }
  }

  seedscope.MatrixGrid = MatrixGrid;
})();
