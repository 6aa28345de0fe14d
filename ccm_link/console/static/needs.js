// Tells an open page what needs its person, as it comes. Without it the page says what was so when it was made.
"use strict";
const line = document.getElementById("needs");
if (line && window.EventSource) {
  const source = new EventSource("/needs/stream");
  source.addEventListener("needs", (event) => {
    const told = JSON.parse(event.data);
    const link = line.querySelector("a");
    link.textContent = told.sentence;
    link.setAttribute("href", told.address);
    line.hidden = told.count === 0;
  });
  source.addEventListener("closed", () => source.close());
}

// Says that the person is at work while their timer runs: once a minute at most, and only when a key, a pointer or a
// scroll showed it. Without it the pages that are opened and the forms that are sent say so.
if (document.getElementById("timer-running")) {
  let pulsed = Date.now();
  const pulse = () => {
    if (Date.now() - pulsed < 60000) return;
    pulsed = Date.now();
    fetch("/timer/pulse", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      redirect: "manual",
    }).catch(() => {});
  };
  for (const sign of ["pointerdown", "keydown", "scroll"]) {
    window.addEventListener(sign, pulse, { passive: true });
  }
}
