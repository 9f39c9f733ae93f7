// Comforts of the dashboard; every page does its work without them.
//
// - .copy[data-copy]     is shown, copies its text, and says so;
// - form[data-confirm]   asks before it is sent; a button's own data-confirm goes before the form's;
// - time[datetime]       is shown in the reader's zone, its UTC text stays as the tooltip;
// - [data-zone]          names that zone;
// - [id][data-follow]    is kept as the server has it at that address, or at the page's own, until
//                        the server no longer marks it;
//   [data-news] in it    is read out when it was not there before;
// - [data-back]          is shown where there is a page to go back to, and goes there;
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

  const prepareCopy = (button) => {
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
  };

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // The page's language, in the reader's variety of it where the browser names one.
  const page = document.documentElement.lang || "en";
  const language = navigator.languages.find((l) => l.split("-")[0] === page.split("-")[0]) ?? page;

  const localise = (time) => {
    const at = new Date(time.dateTime);
    const clock = /\d:\d\d/.test(time.dateTime); // a day alone has no zone to go by
    if (!clock || Number.isNaN(at.getTime())) return;
    const text = time.textContent.trim();
    const timeStyle = /:\d\d:\d\d/.test(text) ? "medium" : "short";
    time.title = text;
    time.textContent = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle }).format(at);
  };

  const prepare = (part) => {
    part.querySelectorAll("button.copy[data-copy]").forEach(prepareCopy);
    part.querySelectorAll("time[datetime]").forEach(localise);
  };
  // What is followed (below), as the server sent it.
  const followed = () => document.querySelectorAll("[id][data-follow]");
  const sent = new Map([...followed()].map((part) => [part.id, part.outerHTML]));
  prepare(document);

  for (const place of document.querySelectorAll("[data-zone]")) {
    place.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }

  for (const button of document.querySelectorAll("button[data-back]")) {
    button.hidden = history.length < 2;
    button.addEventListener("click", () => history.back());
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

  // What happens elsewhere is looked for while somebody looks at the page. Asking keeps their session
  // from ending unused, so it stops when they have not moved for a while.
  const FOLLOW_EVERY_MS = 4_000;
  const FOLLOW_FOR_MS = 10 * 60_000;
  let moved = Date.now();
  for (const sign of ["pointermove", "pointerdown", "keydown", "scroll"]) {
    document.addEventListener(sign, () => { moved = Date.now(); }, { passive: true });
  }

  const news = (part) => [...part.querySelectorAll("[data-news]")].map((one) => one.dataset.news);
  const stops = (part) => [...part.querySelectorAll("a[href], button, summary")];
  const replace = (old, found) => {
    // Nothing closes under somebody who reads it, and what is the same stays, with the focus in it.
    if (!found || found.outerHTML === sent.get(old.id) || old.querySelector("details[open]")) return;
    sent.set(old.id, found.outerHTML);
    const known = news(old);
    const focused = stops(old).indexOf(document.activeElement);
    const part = document.adoptNode(found);
    prepare(part);
    old.replaceWith(part);
    if (focused >= 0) stops(part)[focused]?.focus();
    const said = news(part).filter((one) => !known.includes(one));
    if (said.length > 0) live.textContent = said.join(" ");
  };
  const follow = async () => {
    const parts = [...followed()];
    if (parts.length === 0) return;
    if (document.visibilityState === "visible" && Date.now() - moved < FOLLOW_FOR_MS) {
      const answer = await fetch(parts[0].dataset.follow || location.href, { redirect: "error" }).catch(() => null);
      if (answer?.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const old of parts) replace(old, page.getElementById(old.id));
      }
    }
    setTimeout(follow, FOLLOW_EVERY_MS);
  };
  if (followed().length > 0) setTimeout(follow, FOLLOW_EVERY_MS);
})();
