// Shows of each due rule only the inputs of its type, and below it what the rule comes to.
(() => {
  "use strict";

  const PAUSE = 300;
  const waiting = new WeakMap();

  const inputs = (root) => [...root.querySelectorAll("input, select, textarea")];
  const typeOf = (rule) => rule.querySelector('select[name$="_type"]');
  const nameOf = (rule) => typeOf(rule).name.replace(/_type$/, "");
  const part = (rule, name) => rule.querySelector(`[name="${nameOf(rule)}_${name}"]`);

  // An inline's row, and an input of it by the last part of its name.
  const rowOf = (rule) => nameOf(rule).replace(/-[^-]*$/, "");
  const inRow = (row, name) => document.querySelector(`[name="${row}-${name}"]`);
  const chosen = (row, name) =>
    (document.querySelector(`[name="${row}-${name}"]:checked`) || { value: "" }).value;

  const isShown = (rule, box) => {
    if (!box.dataset.types.split(" ").includes(typeOf(rule).value)) return false;
    if (!box.dataset.of) return true;
    const other = part(rule, box.dataset.of);
    return other !== null && box.dataset.values.split(" ").includes(other.value);
  };

  const arrange = (rule) => {
    rule.classList.add("is-live");
    const from = part(rule, "from");
    const isTrigger = typeOf(rule).value === "trigger";
    const woken = from && from.querySelector('option[value="event"]');
    if (woken) {
      woken.hidden = woken.disabled = !isTrigger;
      if (!isTrigger && from.value === "event") from.value = "date";
      const date = part(rule, "from_date");
      if (isTrigger && from.value === "date" && !(date && date.value)) from.value = "event";
    }
    rule.querySelectorAll("[data-types]").forEach((box) => {
      box.hidden = !isShown(rule, box);
      // What does not belong to the type is not sent either.
      inputs(box).forEach((input) => { input.disabled = box.hidden; });
    });
    rule.querySelectorAll(".pacta-fold").forEach((fold) => {
      fold.hidden = !fold.querySelector("[data-types]:not([hidden])");
    });
  };

  // A start belongs to what is to be maintained; grace and a target to what is to be achieved.
  const arrangeRow = (row) => {
    const kind = inRow(row, "kind");
    if (!kind) return;
    const isAchieved = kind.value === "achieve";
    [["starts_type", !isAchieved], ["grace_count", isAchieved], ["grace_unit", isAchieved],
      ["target_quantity", isAchieved], ["unit", isAchieved]].forEach(([name, isOffered]) => {
      const input = inRow(row, name);
      const line = input && input.closest(".form-row, [class*='field-line'], .field-row");
      const box = name === "starts_type" && input ? input.closest(".pacta-rule") : input;
      const field = box && (box.closest(".group") || line);
      if (!field) return;
      const hasValue = name === "grace_unit" || name === "starts_type" ? false : input.value !== "";
      field.hidden = !isOffered && !hasValue;
    });
  };

  const typedMilestones = () =>
    [...document.querySelectorAll('input[name^="milestones-"][name$="-ref"]')]
      .filter((ref) => ref.value && !ref.name.includes("__prefix__"))
      .map((ref) => [ref, document.querySelector(`[name="${ref.name.replace(/-ref$/, "-on")}"]`)])
      .filter(([ref, on]) => on && on.value)
      .filter(([ref, on]) => ref.value !== ref.defaultValue || on.value !== on.defaultValue)
      .map(([ref, on]) => `${ref.value} ${on.value}`);

  const question = (rule) => {
    const name = nameOf(rule);
    const row = rowOf(rule);
    const body = new URLSearchParams();
    inputs(rule).forEach((input) => {
      if (input.disabled || (input.type === "checkbox" && !input.checked)) return;
      body.append(input.name.replace(name, "rule"), input.value);
    });
    const add = (key, input) => { if (input && input.value) body.append(key, input.value); };
    if (name.endsWith("-due")) {
      add("grace_count", inRow(row, "grace_count"));
      add("grace_unit", inRow(row, "grace_unit"));
    }
    body.append("agreement", rule.dataset.agreement);
    body.append("obligor", chosen(row, "obligors"));
    body.append("obligee", chosen(row, "obligees"));
    add("timezone", document.querySelector("#id_timezone"));
    add("calendars", document.querySelector("#id_calendars"));
    typedMilestones().forEach((each) => body.append("milestone", each));
    return body;
  };

  const clear = (rule) => {
    rule.querySelectorAll(".pacta-part .pacta-error").forEach((each) => each.remove());
    rule.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
  };

  // A problem stands with the input that it speaks of, where that is in sight.
  const place = (rule, preview) => {
    clear(rule);
    preview.querySelectorAll("[data-for]").forEach((problem) => {
      const box = problem.dataset.for && rule.querySelector(`[data-part="${problem.dataset.for}"]`);
      if (!box || box.hidden) return;
      const input = box.querySelector("input, select");
      if (input) input.setAttribute("aria-invalid", "true");
      const fold = box.closest("details");
      if (fold) fold.open = true;
      box.append(problem);
    });
  };

  const show = async (rule, signal) => {
    const preview = rule.querySelector(".pacta-preview");
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    try {
      const answer = await fetch(rule.dataset.preview, {
        method: "POST",
        body: question(rule),
        headers: { "X-CSRFToken": token ? token.value : "" },
        credentials: "same-origin",
        signal,
      });
      if (!answer.ok) throw new Error(answer.status);
      preview.innerHTML = await answer.text();
      place(rule, preview);
      preview.hidden = !preview.textContent.trim();
    } catch (error) {
      // Nothing rests on the preview: saving says the same.
      if (error.name !== "AbortError") preview.hidden = true;
    }
  };

  const ask = (rule) => {
    const last = waiting.get(rule);
    if (last) {
      clearTimeout(last.timer);
      last.controller.abort();
    }
    const controller = new AbortController();
    const timer = setTimeout(() => show(rule, controller.signal), PAUSE);
    waiting.set(rule, { timer, controller });
  };

  const rulesBeside = (input) => {
    const row = (input.name || "").match(/^(obligations-\d+)-/);
    const selector = row ? `[name="${row[1]}-due_type"], [name="${row[1]}-starts_type"]` : null;
    return selector
      ? [...document.querySelectorAll(selector)].map((each) => each.closest(".pacta-rule"))
      : [];
  };

  const changed = (event) => {
    const rule = event.target.closest && event.target.closest(".pacta-rule");
    if (rule) {
      arrange(rule);
      ask(rule);
      return;
    }
    if (/^obligations-\d+-kind$/.test(event.target.name || "")) {
      arrangeRow(event.target.name.replace(/-kind$/, ""));
    }
    // What stands beside a rule may matter to it: its obligors, its grace period.
    if (/-(obligors|obligees|grace_count|grace_unit)$/.test(event.target.name || "")) {
      rulesBeside(event.target).filter((each) => each.dataset.asked).forEach(ask);
    }
  };

  const seen = (event) => {
    const rule = event.target.closest && event.target.closest(".pacta-rule");
    if (!rule || rule.dataset.asked) return;
    rule.dataset.asked = "yes";
    ask(rule);
  };

  const arrangeAll = () => {
    document.querySelectorAll(".pacta-rule").forEach((rule) => {
      arrange(rule);
      arrangeRow(rowOf(rule));
    });
  };

  // Refs that are typed on this page can be counted from as well.
  const offer = (list, pattern) => {
    const known = new Set([...list.options].map((option) => option.value));
    document.querySelectorAll(pattern).forEach((input) => {
      if (!input.value || known.has(input.value) || input.name.includes("__prefix__")) return;
      const option = document.createElement("option");
      option.value = input.value;
      list.append(option);
      known.add(input.value);
    });
  };

  const offerRefs = (event) => {
    if (!/^(milestones|obligations)-\d+-ref$/.test(event.target.name || "")) return;
    const [milestones, obligations] = ["known-milestones", "known-obligations"].map((id) =>
      document.getElementById(id));
    if (milestones) offer(milestones, 'input[name^="milestones-"][name$="-ref"]');
    if (obligations) offer(obligations, 'input[name^="obligations-"][name$="-ref"]');
  };

  document.addEventListener("input", changed);
  document.addEventListener("change", changed);
  document.addEventListener("change", offerRefs);
  document.addEventListener("focusin", seen);
  document.addEventListener("formset:added", () => setTimeout(arrangeAll, 0));
  document.addEventListener("DOMContentLoaded", arrangeAll);
})();
