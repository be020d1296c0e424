"use strict";
// Filters, the switch between light and dark, and links that open what they point to. Without this
// script the page shows everything that it has; nothing here makes content.
(() => {
  const byId = (id) => document.getElementById(id);

  // Light and dark.
  const root = document.documentElement;
  const theme = byId("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  prefersDark.addEventListener("change", label);
  label();

  // A link to something folded unfolds it.
  const unfold = (target) => {
    for (let at = target; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
  };
  const reveal = (target) => {
    unfold(target);
    target.scrollIntoView();
    const summary = target.querySelector("summary");
    if (summary) summary.focus({ preventScroll: true });
  };
  const follow = () => {
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    if (target) reveal(target);
  };
  window.addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  if (location.hash) follow();

  // Everything that failed is printed unfolded.
  window.addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("#failures details")) item.open = true;
  });

  // Filters.
  const form = byId("filter");
  if (form) {
    form.hidden = false;
    const query = byId("q");
    const shown = byId("shown");
    const plain = (text) => text.toLowerCase().replace(/\s+/g, " ");
    const rows = Array.from(document.querySelectorAll(".matrix > tbody"), (body) => ({
      body,
      verdict: body.dataset.v,
      area: body.dataset.a,
      strength: body.dataset.s,
      text: plain(body.querySelector("th").textContent + " " + body.querySelector(".text").textContent),
      cases: Array.from(body.querySelectorAll(".k"), (link) => {
        const item = byId(link.getAttribute("href").slice(1));
        return {
          link,
          item: item && body.contains(item) ? item : null,
          verdict: link.dataset.v,
          text: item ? plain(item.querySelector("summary").textContent) : "",
        };
      }),
    }));
    const show = (element, is) => {
      if (element && element.hidden === is) element.hidden = !is;
    };
    const apply = () => {
      const words = plain(query.value).split(" ").filter(Boolean);
      const area = byId("area").value;
      const strength = byId("strength").value;
      const verdicts = new Set(Array.from(form.querySelectorAll("input:checked"), (box) => box.value));
      const matches = (text) => words.every((word) => text.includes(word));
      let requirementCount = 0;
      let caseCount = 0;
      for (const row of rows) {
        const inScope = (!area || row.area === area) && (!strength || row.strength === strength);
        const wholeText = matches(row.text);
        let any = row.cases.length === 0 && wholeText && verdicts.size === 0;
        if (inScope) {
          for (const one of row.cases) {
            const is = (verdicts.size === 0 || verdicts.has(one.verdict)) &&
              (wholeText || matches(row.text + " " + one.text));
            show(one.link, is);
            show(one.item, is);
            if (is) { any = true; caseCount += 1; }
          }
        }
        const visible = inScope && any;
        show(row.body, visible);
        if (visible) requirementCount += 1;
      }
      shown.value = `${requirementCount} of ${rows.length} requirements, ${caseCount} cases`;
      byId("nothing").hidden = requirementCount > 0;
    };
    form.addEventListener("input", apply);
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    // Not at the "reset" event, which comes before the fields have changed.
    form.querySelector("button[type='reset']").addEventListener("click", (event) => {
      event.preventDefault();
      form.reset();
      apply();
    });
    query.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { query.value = ""; apply(); }
    });
    apply();
  }

  // Keys.
  const failed = Array.from(document.querySelectorAll("#failures details.case"));
  const step = (by) => {
    if (failed.length === 0) return;
    const here = document.activeElement && document.activeElement.closest("details.case");
    const at = here ? failed.indexOf(here) : -1;
    const next = at < 0 ? (by > 0 ? 0 : failed.length - 1) : at + by;
    reveal(failed[Math.max(0, Math.min(failed.length - 1, next))]);
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && form) {
      event.preventDefault();
      byId("q").focus();
    } else if (event.key === "n") {
      step(1);
    } else if (event.key === "p") {
      step(-1);
    }
  });
})();
