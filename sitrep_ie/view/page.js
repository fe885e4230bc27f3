"use strict";
(() => {
  const ids = (element, key) => (element.dataset[key] || "").split(" ").filter(Boolean);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  const showTip = (mark) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getClientRects()[0];
    const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 6;
    tip.style.left = Math.max(8, left) + scrollX + "px";
    tip.style.top = (above > 0 ? above : box.bottom + 6) + scrollY + "px";
  };

  const setUp = (report) => {
    const all = (selector) => [...report.querySelectorAll(selector)];
    const status = report.querySelector(".status");
    const rows = all(".events tbody tr");
    let lit = null;

    const light = (id, from) => {
      lit = id;
      for (const element of all("[data-events],[data-evidence]")) {
        const on = id !== null && ids(element, "events").includes(id);
        const evident = id !== null && ids(element, "evidence").includes(id);
        element.classList.toggle("lit", on || (evident && element.classList.contains("part")));
        element.classList.toggle("evident", evident);
        if (element.hasAttribute("aria-pressed")) element.setAttribute("aria-pressed", on);
        if (element.hasAttribute("aria-selected")) element.setAttribute("aria-selected", on);
      }
      const row = rows.find((row) => row.dataset.events === id);
      status.textContent = id === null ? "" : `${id} ${row ? row.dataset.type : ""} is lit; Escape puts it out.`;
      if (id === null) return;
      // What was clicked stays where it is; the other side comes into view.
      const target = from.closest(".text") ? row : report.querySelector(".text .trigger.lit, .text .lit");
      if (target && !target.hidden) target.scrollIntoView({block: "nearest"});
    };

    const choose = (element) => {
      const events = ids(element, "events");
      if (!events.length) return;
      // A place or person of several events: each further click goes on to the next of them.
      const next = events.indexOf(lit) + 1;
      light(next < events.length ? events[next] : null, element);
    };

    report.addEventListener("click", (event) => {
      const element = event.target.closest("[data-events]");
      if (element && report.contains(element)) choose(element);
    });
    report.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { light(null, report); tip.hidden = true; }
      const element = event.target;
      if (!element.matches("[data-events]") || element.matches("button")) return;
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(element); }
      const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (step && element.matches("tr")) {
        const shown = [...element.parentElement.children].filter((row) => !row.hidden);
        const to = shown[shown.indexOf(element) + step];
        if (to) { event.preventDefault(); to.focus(); }
      }
    });
    for (const mark of all("mark")) {
      mark.addEventListener("mouseenter", () => showTip(mark));
      mark.addEventListener("focus", () => showTip(mark));
      for (const end of ["mouseleave", "blur"]) mark.addEventListener(end, () => { tip.hidden = true; });
    }

    const cell = (row, i) => row.children[i].dataset.sort || row.children[i].textContent.trim();
    all(".events thead th").forEach((head, i) => head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentElement.children) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = [...rows].sort((a, b) => cell(a, i).localeCompare(cell(b, i), undefined, {numeric: true}));
      rows[0].parentElement.append(...(up ? order : order.reverse()));
    }));

    const [type, words, score] = [".by-type", ".by-words", ".by-score"].map((s) => report.querySelector(s));
    const filter = () => {
      const wanted = words.value.trim().toLowerCase();
      for (const row of rows) {
        row.hidden = (type.value !== "" && row.dataset.type !== type.value) ||
          !row.textContent.toLowerCase().includes(wanted) || Number(row.dataset.score) < Number(score.value);
      }
      const shown = rows.filter((row) => !row.hidden).length;
      report.querySelector(".shown-count").textContent = `${shown} of ${rows.length} shown`;
    };
    if (type) {
      for (const control of [type, words, score]) control.addEventListener("input", filter);
      filter();
    }

    report.querySelector(".save").addEventListener("click", () => {
      const record = JSON.parse(document.getElementById("data").textContent)[report.dataset.report];
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(record) + "\n"], {type: "application/json"}));
      link.download = record.id.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) + ".json";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  };

  const reports = [...document.querySelectorAll(".report")];
  reports.forEach(setUp);
  const chooser = document.getElementById("choose");
  if (!chooser) return;
  const show = () => { for (const report of reports) report.hidden = report.id !== chooser.value; };
  const options = [...chooser.options];
  document.getElementById("find").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    const found = options.filter((option) => option.textContent.toLowerCase().includes(wanted));
    chooser.replaceChildren(...found);
    if (found.length && !found.some((option) => option.selected)) found[0].selected = true;
    if (found.length) show();
  });
  chooser.addEventListener("change", show);
  options[0].selected = true;
  show();
})();
