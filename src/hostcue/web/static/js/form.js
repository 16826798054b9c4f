/** The one form: it starts recording and comments together. */

import { errorBox, post } from "./api.js";
import { byId, el } from "./dom.js";
import { every } from "./format.js";
import { onLanguage, t } from "./i18n.js";

const QUALITIES = ["OD", "BD", "UHD", "HD", "SD", "LD"];
const SHORTEST_S = 2;
const LONGEST_S = 3600;

/** Bring the form to life; `onStarted` runs after each start. */
export function startForm(onStarted) {
  const [form, link, segment, quality] = ["start", "link", "segment", "quality"].map(byId);
  const [button, hint, answer] = ["start-button", "segment-hint", "start-answer"].map(byId);
  const options = QUALITIES.map((value) => el("option", { value }));
  quality.append(...options);

  const draw = () => {
    for (const option of options) option.textContent = `${t(`quality.${option.value}`)} ${option.value}`;
    button.textContent = t(button.disabled ? "form.starting" : "form.start");
    hint.textContent = t("form.segment.hint", { text: every(segment.valueAsNumber || 300) });
  };
  onLanguage(draw);
  segment.addEventListener("input", draw);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const problem = mistake(link, segment);
    if (problem) {
      answer.replaceChildren(el("div", { class: "error", role: "alert" }, `✕ ${t(problem.key)}`));
      problem.field.focus();
      return;
    }
    button.disabled = true;
    draw();
    answer.replaceChildren();
    try {
      const started = await post("/api/recording/start", {
        live_url: link.value.trim(),
        segment_time: segment.valueAsNumber,
        quality: quality.value,
      });
      const text = started.already_running ? t("form.already") : t("form.started", { folder: started.output });
      answer.replaceChildren(el("p", { class: "done", role: "status" }, `✓ ${text}`));
      link.value = "";
      onStarted();
    } catch (error) {
      answer.replaceChildren(errorBox(error));
      link.focus();
    } finally {
      button.disabled = false;
      draw();
    }
  });
}

function mistake(link, segment) {
  const seconds = segment.valueAsNumber;
  if (!link.value.trim()) return { key: "form.needs.link", field: link };
  if (!(seconds >= SHORTEST_S && seconds <= LONGEST_S && Number.isInteger(seconds))) {
    return { key: "form.needs.segment", field: segment };
  }
  return null;
}
