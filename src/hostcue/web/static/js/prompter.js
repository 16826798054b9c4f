/** The lines alone, filling the screen: for a screen the host sees from two metres away. */

import { byId } from "./dom.js";

const NEXT = new Set(["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"]);
const BACK = new Set(["ArrowLeft", "ArrowUp", "PageUp"]);

export class Prompter {
  #lines;
  #awake = null;

  /** Presenters and foot pedals send PageDown and PageUp. */
  constructor(lines) {
    this.#lines = lines;
    byId("prompter").addEventListener("click", () => this.#set(true));
    byId("leave-prompter").addEventListener("click", () => this.#set(false));
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("fullscreenchange", () => {
      if (document.fullscreenElement === null) this.#set(false);
    });
  }

  get #on() {
    return document.body.classList.contains("prompting");
  }

  async #set(on) {
    if (on === this.#on) return;
    document.body.classList.toggle("prompting", on);
    try {
      if (on) {
        await document.documentElement.requestFullscreen();
        this.#awake = await navigator.wakeLock.request("screen");
      } else {
        await this.#awake?.release();
        if (document.fullscreenElement) await document.exitFullscreen();
      }
    } catch {
      // no full screen on iPhones, no wake lock outside https: the lines fill the page all the same
    }
  }

  #key(event) {
    if (!this.#on || document.querySelector("dialog[open]")) return;
    const onButton = event.target instanceof HTMLButtonElement;
    if (onButton && (event.key === " " || event.key === "Enter")) return;
    if (event.key === "Escape") this.#set(false);
    else if (NEXT.has(event.key)) this.#lines.step(1);
    else if (BACK.has(event.key)) this.#lines.step(-1);
    else return;
    event.preventDefault();
  }
}
