/** The one form: it starts recording and comments together, now or whenever the room is live. */

import { errorBox, post } from "./api.js";
import { byId, el } from "./dom.js";
import { every } from "./format.js";
import { onLanguage, t } from "./i18n.js";
import { ShowtimeFields } from "./showtimes.js";

const QUALITIES = ["OD", "BD", "UHD", "HD", "SD", "LD"];
const SHORTEST_S = 2;
const LONGEST_S = 3600;

/** Bring the form to life; `onStarted` runs after each start. */
export function startForm(onStarted) {
  const [form, link, segment, quality, monitor] = ["start", "link", "segment", "quality", "monitor"].map(byId);
  const [aligned, cookie, proxy] = ["aligned", "cookie", "proxy"].map(byId);
  const [button, answer, showtimes] = ["start-button", "start-answer", "showtimes"].map(byId);
  const times = new ShowtimeFields(byId("days"), byId("from"), byId("to"));
  const at = { live_url: link, segment_time: segment, quality, schedule: byId("from"), cookie, proxy };
  const options = QUALITIES.map((value) => el("option", { value }));
  quality.append(...options);

  const draw = () => {
    for (const option of options) option.textContent = `${t(`quality.${option.value}`)} ${option.value}`;
    const starts = monitor.checked ? "form.start.watch" : "form.start";
    button.textContent = t(button.disabled ? "form.starting" : starts);
    const text = every(segment.valueAsNumber || 300);
    byId("segment-hint").textContent = t("form.segment.hint", { text });
    byId("aligned-hint").textContent = t("form.aligned.hint", { text });
    showtimes.hidden = !monitor.checked;
    times.draw();
  };
  onLanguage(draw);
  for (const field of [segment, monitor]) field.addEventListener("input", draw);

  const wish = () => ({
    live_url: link.value.trim(),
    segment_time: segment.valueAsNumber,
    quality: quality.value,
    monitor: monitor.checked,
    schedule: monitor.checked ? times.schedule : [],
    aligned: aligned.checked,
    cookie: cookie.value.trim() || undefined,
    proxy: proxy.value.trim() || undefined,
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const problem = mistake(link, segment, monitor.checked ? times : null);
    if (problem) {
      complain(problem.field, answer, el("div", { class: "error", role: "alert" }, `✕ ${t(problem.key)}`));
      return;
    }
    button.disabled = true;
    draw();
    button.after(answer);
    answer.replaceChildren();
    try {
      const text = done(await post("/api/recording/start", wish()));
      answer.replaceChildren(el("p", { class: "done", role: "status" }, `✓ ${text}`));
      for (const field of [link, cookie, proxy]) field.value = "";
      onStarted();
    } catch (error) {
      complain(at[error.field] ?? link, answer, errorBox(error));
    } finally {
      button.disabled = false;
      draw();
    }
  });
}

function done(started) {
  if (started.already_running) return t("form.already");
  return started.output ? t("form.started", { folder: started.output }) : t("form.watching");
}

/** Say what is wrong below the field at fault, and lead there, also where it is folded away. */
function complain(field, answer, problem) {
  const folded = field.closest("details:not([open])");
  if (folded) folded.open = true;
  (field.closest(".pair") ?? field.parentElement).after(answer);
  answer.replaceChildren(problem);
  field.focus();
}

function mistake(link, segment, times) {
  const seconds = segment.valueAsNumber;
  if (!link.value.trim()) return { key: "form.needs.link", field: link };
  if (!(seconds >= SHORTEST_S && seconds <= LONGEST_S && Number.isInteger(seconds))) {
    return { key: "form.needs.segment", field: segment };
  }
  if (times?.halfFilled) return { key: "form.needs.times", field: times.halfFilled };
  return null;
}
