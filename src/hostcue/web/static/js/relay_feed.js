/** What came from one room, kept within bounds: the last messages, counts, and the rate. */

const ROWS = 300;
const SPAN_S = 180;

export class Feed {
  messages = [];
  counts = new Map();
  #perSecond = new Map();

  /** Take a message as it was received. */
  take(type, data, raw) {
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    const second = Math.floor(Date.now() / 1000);
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1);
    const message = { type, data, raw, at: data.ts ?? Date.now() };
    this.messages.push(message);
    if (this.messages.length > 2 * ROWS) this.messages.splice(0, ROWS);
    return message;
  }

  /** The last messages of these kinds, the newest first. */
  latest(kinds) {
    return this.messages.filter(({ type }) => kinds.has(type)).slice(-ROWS).reverse();
  }

  /** How many came in each of the last three minutes' seconds, the oldest first. */
  rate() {
    const now = Math.floor(Date.now() / 1000);
    for (const second of this.#perSecond.keys()) {
      if (second <= now - SPAN_S) this.#perSecond.delete(second);
    }
    // the second that is not over yet would always look low
    return Array.from({ length: SPAN_S }, (_, n) => this.#perSecond.get(now - SPAN_S + n) ?? 0);
  }
}

export { ROWS };
