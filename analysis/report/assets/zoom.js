// A picture that can be drawn near: by the wheel, by + and -, by a double click; and moved by dragging.
(() => {
  const MOST = 16;

  class Zoom {
    constructor(stage, moved) {
      Object.assign(this, { stage, moved, scale: 1, x: 0, y: 0 });
      stage.addEventListener(
        "wheel",
        (event) => {
          event.preventDefault();
          this.by(2 ** (-event.deltaY / 400), event);
        },
        { passive: false },
      );
      stage.addEventListener("dblclick", (event) => (this.scale > 1 ? this.reset() : this.by(3, event)));
    }

    // Towards a place of the window, or else the middle.
    by(factor, place) {
      const frame = this.stage.getBoundingClientRect();
      const [x, y] = place ? [place.clientX - frame.left, place.clientY - frame.top] : [frame.width / 2, frame.height / 2];
      const scale = Math.min(MOST, Math.max(1, this.scale * factor));
      const ratio = scale / this.scale;
      this.scale = scale;
      this.#to(x - ratio * (x - this.x), y - ratio * (y - this.y));
    }

    drag(dx, dy) {
      this.#to(this.x + dx, this.y + dy);
    }

    reset() {
      this.scale = 1;
      this.#to(0, 0);
    }

    // The picture covers its frame at all times.
    #to(x, y) {
      const { clientWidth: width, clientHeight: height } = this.stage;
      this.x = Math.min(0, Math.max(width * (1 - this.scale), x));
      this.y = Math.min(0, Math.max(height * (1 - this.scale), y));
      this.moved(`translate(${this.x}px, ${this.y}px) scale(${this.scale})`);
    }
  }

  seedscope.Zoom = Zoom;
})();
