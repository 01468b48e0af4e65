// Keeps the boxes for obligors and obligees in step with the parties chosen on the same page.
(() => {
  "use strict";

  const SELECTS = 'select[name^="memberships-"][name$="-party"]';
  const SIDES = '[id$="-obligors"].pacta-boxes, [id$="-obligees"].pacta-boxes';

  const members = () => {
    const found = new Map();
    document.querySelectorAll(SELECTS).forEach((select) => {
      const row = select.name.replace(/-party$/, "");
      const removed = document.querySelector(`input[name="${row}-DELETE"]`);
      if (!select.value || row.includes("__prefix__") || (removed && removed.checked)) return;
      found.set(select.value, select.selectedOptions[0].textContent.replace(/ \([^()]*\)$/, ""));
    });
    return found;
  };

  const box = (name, id, code, text, isChecked) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    Object.assign(input, { name, id, value: code, checked: isChecked });
    input.className = "pacta-box";
    const span = document.createElement("span");
    span.textContent = text;
    label.htmlFor = id;
    label.append(input, " ", span);
    return label;
  };

  const sync = () => {
    const known = members();
    document.querySelectorAll(SIDES).forEach((side) => {
      const name = side.id.replace(/^id_/, "");
      const checked = new Set(
        [...side.querySelectorAll("input:checked")].map((input) => input.value),
      );
      const rows = [...known].map(([code, party]) => [code, `${code} ${party}`]);
      checked.forEach((code) => {
        if (!known.has(code)) rows.push([code, `${code} (not a party above)`]);
      });
      side.replaceChildren(
        ...rows.map(([code, text], at) =>
          box(name, `${side.id}_${at}`, code, text, checked.has(code)),
        ),
      );
      if (!rows.length) {
        const hint = document.createElement("span");
        hint.className = "pacta-quiet";
        hint.textContent = "Choose the parties above first.";
        side.append(hint);
      }
    });
  };

  const open = (row) => {
    const data = window.Alpine && window.Alpine.$data(row);
    if (data && "openRow" in data) data.openRow = true;
  };

  const openNew = () =>
    document
      .querySelectorAll("#obligations-data > .form-group.template:not(.empty-form)")
      .forEach(open);

  const later = () => setTimeout(() => { sync(); openNew(); }, 0);

  document.addEventListener("change", (event) => {
    if (event.target.matches(`${SELECTS}, input[name^="memberships-"][name$="-DELETE"]`)) sync();
  });
  document.addEventListener("formset:added", later);
  document.addEventListener("formset:removed", later);
  document.addEventListener("alpine:initialized", later);
  document.addEventListener("DOMContentLoaded", sync);
})();
