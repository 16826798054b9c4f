/** Which rooms there are, which one is looked at, and which are only played. */

/** A recording or room that the demo made up bears this at the front of its anchor's name. */
const DEMO_NAME = "DEMO";
const PLAYED = "replay"; // the platform, or the way, of what was captured and is played
const DEMO_MODEL = "sim";

export class Rooms {
  #keyOfRecording = new Map();
  #keyOfRoomId = new Map();
  #names = new Map();
  #demo = new Set();
  #listeners = new Set();
  #selected = new URLSearchParams(location.search).get("room") ?? "";

  /** The room looked at, as `platform:live_id`; empty for all. */
  get selected() {
    return this.#selected;
  }

  /** Look at one room from now on; the page's address says so too. */
  select(key) {
    this.#selected = key;
    const url = new URL(location.href);
    if (key) url.searchParams.set("room", key);
    else url.searchParams.delete("room");
    history.replaceState(null, "", url);
    this.#changed();
  }

  /** Take rooms, of recordings or not; the newest come first, so a name already known is newer. */
  learn(recordings) {
    const before = this.#known;
    for (const recording of recordings) {
      const key = keyOfRoom(recording);
      const unseen = this.#keyOfRecording.get(recording.recording_id);
      if (unseen !== undefined && unseen !== key) this.#names.delete(unseen);
      if (recording.recording_id) this.#keyOfRecording.set(recording.recording_id, key);
      if (recording.room_id) this.#keyOfRoomId.set(recording.room_id, key);
      const name = recording.anchor_name || recording.live_id || recording.live_url;
      if (!this.#names.has(key)) this.#names.set(key, name);
      const played = [recording.platform, recording.health?.way].includes(PLAYED);
      if (played || recording.anchor_name.startsWith(DEMO_NAME)) this.#demo.add(key);
    }
    if (this.#known !== before) this.#changed();
  }

  /** Take the lines: those of the stand-in model mark their room as played. */
  learnTips(tips) {
    for (const tip of tips) {
      const key = this.keyOf(tip);
      if (tip.model !== DEMO_MODEL || this.#demo.has(key)) continue;
      this.#demo.add(key);
      this.#changed();
    }
  }

  /** The key of what has a `recording_id` or a `room_id`. */
  keyOf({ recording_id: recordingId, room_id: roomId }) {
    return this.#keyOfRecording.get(recordingId) ?? this.#keyOfRoomId.get(roomId) ?? `id:${roomId}`;
  }

  /** The host's name, or what stands in for it. */
  nameOf(item) {
    const key = this.keyOf(item);
    return this.#names.get(key) ?? key.slice(key.indexOf(":") + 1);
  }

  /** The name of whatever a notice is about: a recording, a room's live id, anything else. */
  nameOfSubject(subject) {
    const byRecording = this.#names.get(this.#keyOfRecording.get(subject));
    const byLiveId = [...this.#names].find(([key]) => key.endsWith(`:${subject}`));
    return byRecording ?? byLiveId?.[1] ?? subject;
  }

  /** Whether it belongs to what is looked at. */
  isShown(item) {
    return this.#selected === "" || this.keyOf(item) === this.#selected;
  }

  /** Whether it is only played. */
  isDemo(item) {
    return this.#demo.has(this.keyOf(item));
  }

  /** Whether anything on the page is only played. */
  get anyDemo() {
    return [...this.#demo].some((key) => this.#selected === "" || key === this.#selected);
  }

  /** All rooms, as [key, name]. */
  get all() {
    return [...this.#names];
  }

  /** Have `draw` called when rooms, marks or the choice change. */
  onChange(draw) {
    this.#listeners.add(draw);
  }

  get #known() {
    return [...this.#names.keys(), ...this.#demo].join();
  }

  #changed() {
    for (const draw of this.#listeners) draw();
  }
}

/** Of a watched room that was never live only the link is known. */
function keyOfRoom({ platform, live_id: liveId, recording_id: recordingId }) {
  return liveId ? `${platform}:${liveId}` : `watched:${recordingId}`;
}
