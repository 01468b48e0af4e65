// Shows only the inputs that belong to the type of each due rule, and a preview of its dates.
(() => {
  "use strict";

  const PREVIEW_DELAY_MS = 300;
  const pendingPreviews = new WeakMap();

  const inputsIn = (root) => [...root.querySelectorAll("input, select, textarea")];
  const typeInput = (rule) => rule.querySelector('select[name$="_type"]');
  const fieldName = (rule) => typeInput(rule).name.replace(/_type$/, "");
  const ruleInput = (rule, name) => rule.querySelector(`[name="${fieldName(rule)}_${name}"]`);

  // The obligation that a rule belongs to, and the other inputs of that obligation.
  const rowName = (rule) => fieldName(rule).replace(/-[^-]*$/, "");
  const rowInput = (row, name) => document.querySelector(`[name="${row}-${name}"]`);
  const firstChecked = (row, name) =>
    (document.querySelector(`[name="${row}-${name}"]:checked`) || { value: "" }).value;

  const isShown = (rule, box) => {
    if (!box.dataset.types.split(" ").includes(typeInput(rule).value)) return false;
    if (!box.dataset.dependsOn) return true;
    const other = ruleInput(rule, box.dataset.dependsOn);
    return other !== null && box.dataset.values.split(" ").includes(other.value);
  };

  // "The event" can be counted from only in a rule that has an event.
  const updateEventOption = (rule) => {
    const from = ruleInput(rule, "from");
    const option = from && from.querySelector('option[value="event"]');
    if (!option) return;
    const isTrigger = typeInput(rule).value === "trigger";
    option.hidden = option.disabled = !isTrigger;
    if (!isTrigger && from.value === "event") from.value = "date";
    const date = ruleInput(rule, "from_date");
    if (isTrigger && from.value === "date" && !(date && date.value)) from.value = "event";
  };

  const updateRule = (rule) => {
    rule.classList.add("is-live");
    updateEventOption(rule);
    rule.querySelectorAll("[data-types]").forEach((box) => {
      box.hidden = !isShown(rule, box);
      // Disabled inputs are not posted.
      inputsIn(box).forEach((input) => { input.disabled = box.hidden; });
    });
    rule.querySelectorAll(".pacta-fold").forEach((fold) => {
      fold.hidden = !fold.querySelector("[data-types]:not([hidden])");
    });
  };

  // Only obligations to maintain or refrain have a start; only those to achieve have a grace
  // period and a target.
  const updateRow = (row) => {
    const kind = rowInput(row, "kind");
    if (!kind) return;
    const isAchieve = kind.value === "achieve";
    [["starts_type", !isAchieve], ["grace_count", isAchieve], ["grace_unit", isAchieve],
      ["target_quantity", isAchieve], ["unit", isAchieve]].forEach(([name, applies]) => {
      const input = rowInput(row, name);
      const line = input && input.closest(".form-row, [class*='field-line'], .field-row");
      const box = name === "starts_type" && input ? input.closest(".pacta-rule") : input;
      const field = box && (box.closest(".group") || line);
      if (!field) return;
      const hasValue = name === "grace_unit" || name === "starts_type" ? false : input.value !== "";
      field.hidden = !applies && !hasValue;
    });
  };

  const unsavedMilestones = () =>
    [...document.querySelectorAll('input[name^="milestones-"][name$="-ref"]')]
      .filter((ref) => ref.value && !ref.name.includes("__prefix__"))
      .map((ref) => [ref, document.querySelector(`[name="${ref.name.replace(/-ref$/, "-on")}"]`)])
      .filter(([ref, on]) => on && on.value)
      .filter(([ref, on]) => ref.value !== ref.defaultValue || on.value !== on.defaultValue)
      .map(([ref, on]) => `${ref.value} ${on.value}`);

  const previewRequest = (rule) => {
    const name = fieldName(rule);
    const row = rowName(rule);
    const body = new URLSearchParams();
    inputsIn(rule).forEach((input) => {
      if (input.disabled || (input.type === "checkbox" && !input.checked)) return;
      body.append(input.name.replace(name, "rule"), input.value);
    });
    const add = (key, input) => { if (input && input.value) body.append(key, input.value); };
    if (name.endsWith("-due")) {
      add("grace_count", rowInput(row, "grace_count"));
      add("grace_unit", rowInput(row, "grace_unit"));
    }
    const survives = rowInput(row, "survives_termination");
    if (survives && survives.checked) body.append("survives_termination", "on");
    body.append("agreement", rule.dataset.agreement);
    body.append("obligor", firstChecked(row, "obligors"));
    body.append("obligee", firstChecked(row, "obligees"));
    add("timezone", document.querySelector("#id_timezone"));
    add("calendars", document.querySelector("#id_calendars"));
    unsavedMilestones().forEach((each) => body.append("milestone", each));
    return body;
  };

  const clearProblems = (rule) => {
    rule.querySelectorAll(".pacta-input .pacta-error").forEach((each) => each.remove());
    rule.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
  };

  // Moves each problem from the preview to the input that it is about, if that input is visible.
  const showProblems = (rule, preview) => {
    clearProblems(rule);
    preview.querySelectorAll("[data-for]").forEach((problem) => {
      const name = problem.dataset.for;
      const box = name && rule.querySelector(`[data-input="${name}"]`);
      if (!box || box.hidden) return;
      const input = box.querySelector("input, select");
      if (input) input.setAttribute("aria-invalid", "true");
      const fold = box.closest("details");
      if (fold) fold.open = true;
      box.append(problem);
    });
  };

  const loadPreview = async (rule, signal) => {
    const preview = rule.querySelector(".pacta-preview");
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    try {
      const response = await fetch(rule.dataset.preview, {
        method: "POST",
        body: previewRequest(rule),
        headers: { "X-CSRFToken": token ? token.value : "" },
        credentials: "same-origin",
        signal,
      });
      if (!response.ok) throw new Error(response.status);
      preview.innerHTML = await response.text();
      showProblems(rule, preview);
      preview.hidden = !preview.textContent.trim();
    } catch (error) {
      // The preview is only a convenience: saving reports the same problems.
      if (error.name !== "AbortError") preview.hidden = true;
    }
  };

  const schedulePreview = (rule) => {
    const last = pendingPreviews.get(rule);
    if (last) {
      clearTimeout(last.timer);
      last.controller.abort();
    }
    const controller = new AbortController();
    const timer = setTimeout(() => loadPreview(rule, controller.signal), PREVIEW_DELAY_MS);
    pendingPreviews.set(rule, { timer, controller });
  };

  const rulesInSameRow = (input) => {
    const row = (input.name || "").match(/^(obligations-\d+)-/);
    const selector = row ? `[name="${row[1]}-due_type"], [name="${row[1]}-starts_type"]` : null;
    return selector
      ? [...document.querySelectorAll(selector)].map((each) => each.closest(".pacta-rule"))
      : [];
  };

  const onChange = (event) => {
    const rule = event.target.closest && event.target.closest(".pacta-rule");
    if (rule) {
      updateRule(rule);
      schedulePreview(rule);
      return;
    }
    const name = event.target.name || "";
    if (/^obligations-\d+-kind$/.test(name)) updateRow(name.replace(/-kind$/, ""));
    // The preview also depends on other fields of the obligation.
    if (/-(obligors|obligees|grace_count|grace_unit|survives_termination)$/.test(name)) {
      rulesInSameRow(event.target).filter((each) => each.dataset.previewed).forEach(schedulePreview);
    }
  };

  const onFocus = (event) => {
    const rule = event.target.closest && event.target.closest(".pacta-rule");
    if (!rule || rule.dataset.previewed) return;
    rule.dataset.previewed = "yes";
    schedulePreview(rule);
  };

  const updateAllRules = () => {
    document.querySelectorAll(".pacta-rule").forEach((rule) => {
      updateRule(rule);
      updateRow(rowName(rule));
    });
  };

  const addSuggestions = (list, pattern) => {
    const known = new Set([...list.options].map((option) => option.value));
    document.querySelectorAll(pattern).forEach((input) => {
      if (!input.value || known.has(input.value) || input.name.includes("__prefix__")) return;
      const option = document.createElement("option");
      option.value = input.value;
      list.append(option);
      known.add(input.value);
    });
  };

  // Rules can also refer to milestones and obligations that are not saved yet.
  const suggestTypedRefs = (event) => {
    if (!/^(milestones|obligations)-\d+-ref$/.test(event.target.name || "")) return;
    const [milestones, obligations] = ["milestone-refs", "obligation-refs"].map((id) =>
      document.getElementById(id));
    if (milestones) addSuggestions(milestones, 'input[name^="milestones-"][name$="-ref"]');
    if (obligations) addSuggestions(obligations, 'input[name^="obligations-"][name$="-ref"]');
  };

  document.addEventListener("input", onChange);
  document.addEventListener("change", onChange);
  document.addEventListener("change", suggestTypedRefs);
  document.addEventListener("focusin", onFocus);
  document.addEventListener("formset:added", () => setTimeout(updateAllRules, 0));
  document.addEventListener("DOMContentLoaded", updateAllRules);
})();
