/** Server-sent events, followed for as long as the page is looked at. */

import { address } from "./api.js";

const AGAIN_AFTER_MS = 3000;

/**
 * One event stream. `onEvent` gets an event's type, its data, and the text it came as. `onOpen`
 * runs at every connection: what happened before it may have been missed, so that is when to load
 * what is stored. `onState` gets `connecting`, `open`, `lost`, or `absent` when the server has no
 * such stream. One that `resumes` gets what it missed from the server instead.
 *
 * A browser allows six connections to a server in all its tabs, and each stream holds one: a page
 * that nobody looks at lets go of it.
 */
export class EventStream {
  #url;
  #handlers;
  #resumes;
  #source = null;
  #timer = 0;
  #closed = false;

  constructor(path, query, { onEvent, onOpen = () => {}, onState = () => {}, resumes = false }) {
    this.#url = address(path, query);
    this.#resumes = resumes;
    this.#handlers = { onEvent, onOpen, onState };
    document.addEventListener("visibilitychange", this.#look);
    onState("connecting");
    this.#look();
  }

  close() {
    this.#closed = true;
    document.removeEventListener("visibilitychange", this.#look);
    this.#letGo();
  }

  #look = () => {
    if (document.hidden) this.#letGo();
    else if (this.#source === null) this.#connect();
  };

  #letGo() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    const source = new EventSource(this.#url);
    this.#source = source;
    source.onopen = () => {
      this.#handlers.onState("open");
      this.#handlers.onOpen();
    };
    source.onmessage = ({ data, lastEventId }) => {
      // the browser remembers the id for as long as it connects again by itself, and no longer
      if (this.#resumes && lastEventId) this.#url.searchParams.set("after", lastEventId);
      const event = JSON.parse(data);
      // `reset` and `lag` mean that something was missed
      if (event.type === "reset" || event.type === "lag") this.#handlers.onOpen();
      else this.#handlers.onEvent(event.type, event.data, data);
    };
    source.onerror = () => this.#failed(source);
  }

  /** A dropped line is connected again by the browser; a refusal is looked into. */
  async #failed(source) {
    if (source !== this.#source) return;
    this.#handlers.onState("lost");
    if (source.readyState !== EventSource.CLOSED) return;
    this.#source = null;
    const status = await statusOf(this.#url);
    if (status === 401) location.reload();
    if (this.#closed || this.#source !== null) return;
    if (status === 404) this.#handlers.onState("absent");
    else this.#timer = setTimeout(this.#look, AGAIN_AFTER_MS);
  }
}

async function statusOf(url) {
  const stop = new AbortController();
  try {
    const answer = await fetch(url, { credentials: "same-origin", signal: stop.signal });
    return answer.status;
  } catch {
    return 0;
  } finally {
    stop.abort();
  }
}
