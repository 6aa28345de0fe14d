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
