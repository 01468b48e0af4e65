// Keeps the checkboxes for obligors and obligees in step with the parties chosen on the page.
(() => {
  "use strict";

  const PARTY_SELECTS = 'select[name^="memberships-"][name$="-party"]';
  const PARTY_CHECKBOXES = '[id$="-obligors"].pacta-checkboxes, [id$="-obligees"].pacta-checkboxes';

  const chosenParties = () => {
    const found = new Map();
    document.querySelectorAll(PARTY_SELECTS).forEach((select) => {
      const row = select.name.replace(/-party$/, "");
      const removed = document.querySelector(`input[name="${row}-DELETE"]`);
      if (!select.value || row.includes("__prefix__") || (removed && removed.checked)) return;
      found.set(select.value, select.selectedOptions[0].textContent.replace(/ \([^()]*\)$/, ""));
    });
    return found;
  };

  const makeCheckbox = (name, id, code, text, isChecked) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    Object.assign(input, { name, id, value: code, checked: isChecked });
    const span = document.createElement("span");
    span.textContent = text;
    label.htmlFor = id;
    label.append(input, " ", span);
    return label;
  };

  const updateCheckboxes = () => {
    const parties = chosenParties();
    document.querySelectorAll(PARTY_CHECKBOXES).forEach((group) => {
      const name = group.id.replace(/^id_/, "");
      const checked = new Set(
        [...group.querySelectorAll("input:checked")].map((input) => input.value),
      );
      const rows = [...parties].map(([code, party]) => [code, `${code} ${party}`]);
      checked.forEach((code) => {
        if (!parties.has(code)) rows.push([code, `${code} (not a party above)`]);
      });
      group.replaceChildren(
        ...rows.map(([code, text], index) =>
          makeCheckbox(name, `${group.id}_${index}`, code, text, checked.has(code)),
        ),
      );
      if (!rows.length) {
        const hint = document.createElement("span");
        hint.className = "pacta-quiet";
        hint.textContent = "Choose the parties above first.";
        group.append(hint);
      }
    });
  };

  const openRow = (row) => {
    const data = window.Alpine && window.Alpine.$data(row);
    if (data && "openRow" in data) data.openRow = true;
  };

  const openNewObligations = () =>
    document
      .querySelectorAll("#obligations-data > .form-group.template:not(.empty-form)")
      .forEach(openRow);

  // Wait until the theme's own handlers have added or removed the row.
  const updateLater = () => setTimeout(() => { updateCheckboxes(); openNewObligations(); }, 0);

  document.addEventListener("change", (event) => {
    if (event.target.matches(`${PARTY_SELECTS}, input[name^="memberships-"][name$="-DELETE"]`)) {
      updateCheckboxes();
    }
  });
  document.addEventListener("formset:added", updateLater);
  document.addEventListener("formset:removed", updateLater);
  document.addEventListener("alpine:initialized", updateLater);
  document.addEventListener("DOMContentLoaded", updateCheckboxes);
})();
