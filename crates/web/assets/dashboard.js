// Comforts of the dashboard; every page does its work without them.
//
// - .copy[data-copy]     is shown, copies its text, and says so;
// - form[data-confirm]   asks before it is sent; a button's own data-confirm goes before the form's;
// - time[datetime]       is shown in the reader's zone, its UTC text stays as the tooltip;
// - [data-zone]          names that zone;
// - details.menu         closes by Escape, and when the reader goes elsewhere.
"use strict";

(() => {
  // What was copied, for screen readers. It has to be in the page before it is filled.
  const live = document.createElement("div");
  live.className = "unseen";
  live.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");
  document.body.append(live);

  // The clipboard's interface is there on https and localhost alone; the old command serves the rest.
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea");
    box.className = "unseen";
    box.readOnly = true;
    box.value = text;
    const focused = document.activeElement;
    document.body.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    focused?.focus();
    if (!copied) throw new Error("refused");
  };

  for (const button of document.querySelectorAll("button.copy[data-copy]")) {
    const label = button.textContent;
    let timer;
    button.hidden = false;
    button.addEventListener("click", async () => {
      let done = true;
      await copy(button.dataset.copy).catch(() => { done = false; });
      clearTimeout(timer);
      button.classList.toggle("done", done);
      button.textContent = done ? "Copied" : "Not copied";
      live.textContent = done ? "Copied" : "Not copied. Select the text and copy it by hand.";
      timer = setTimeout(() => {
        button.classList.remove("done");
        button.textContent = label;
        live.textContent = "";
      }, 2500);
    });
  }

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // The page's language, in the reader's variety of it where the browser names one.
  const page = document.documentElement.lang || "en";
  const language = navigator.languages.find((l) => l.split("-")[0] === page.split("-")[0]) ?? page;

  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const clock = /\d:\d\d/.test(time.dateTime); // a day alone has no zone to go by
    if (!clock || Number.isNaN(at.getTime())) continue;
    const text = time.textContent.trim();
    const timeStyle = /:\d\d:\d\d/.test(text) ? "medium" : "short";
    time.title = text;
    time.textContent = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle }).format(at);
  }

  for (const place of document.querySelectorAll("[data-zone]")) {
    place.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }

  const closeMenus = (keep) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(keep)) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.activeElement?.closest("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // On a narrow screen the navigation is a row: bring the current page's link into view.
  for (const link of document.querySelectorAll(".side [aria-current], .tabs [aria-current]")) {
    const row = link.closest(".side, .tabs");
    row.scrollLeft = link.getBoundingClientRect().left - row.getBoundingClientRect().left - 48;
  }
})();
