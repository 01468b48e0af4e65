// The theme has links and icons that only a mouse can click, and icons whose names are read aloud as
// words. Make the first reachable by keyboard, and hide the second from screen readers.
(() => {
  "use strict";

  const CLICKED = "[x-on\\:click]:is(a:not([href]), div, span)";
  // What a button or link without text does, by its icon.
  const NAMES = { add: "Add", close: "Close", handshake: "Home", visibility: "Show the password" };

  const makeReachable = () => {
    document.querySelectorAll(CLICKED).forEach((each) => {
      if (!each.textContent.trim()) return; // a backdrop: Escape closes what it belongs to
      each.tabIndex = 0;
      each.setAttribute("role", "button");
    });
    document.querySelectorAll(".material-symbols-outlined").forEach((icon) => {
      const owner = icon.closest("a, button, [role=button]");
      const name = icon.textContent.trim();
      if (owner && !owner.ariaLabel && !owner.title && owner.textContent.trim() === name) {
        owner.ariaLabel = NAMES[name] || name;
      }
      if (icon !== owner) icon.ariaHidden = "true";
    });
  };

  // What Django and Select2 leave unnamed in choices among many.
  const nameChoices = () => {
    document.querySelectorAll(".help-tooltip[aria-label]").forEach((each) => { each.role = "img"; });
    document.querySelectorAll(".select2-selection__rendered").forEach((list) => {
      if (list.localName === "ul") list.role = "presentation";
    });
    document.querySelectorAll(".select2-selection, .select2-search__field").forEach((input) => {
      const label = input.closest(".select2")?.previousElementSibling?.labels?.[0];
      input.ariaLabel = label?.textContent.trim().replace("*", "") || "Search";
      input.removeAttribute("aria-labelledby"); // the value, which is the name of nothing
    });
    document.querySelectorAll(".select2-selection__rendered[role=textbox]").forEach((value) => {
      value.removeAttribute("role");
      value.removeAttribute("aria-readonly");
    });
  };

  document.addEventListener("DOMContentLoaded", makeReachable);
  document.addEventListener("DOMContentLoaded", () => {
    const content = document.getElementById("content");
    if (content) content.tabIndex = -1; // so that the skip link can move the focus there
  });
  window.addEventListener("load", () => setTimeout(nameChoices, 0));
  document.addEventListener("formset:added", () => setTimeout(makeReachable, 0));
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches(CLICKED)) {
      event.preventDefault();
      event.target.click();
    }
  });
})();
