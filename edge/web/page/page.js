// Asks for the page anew and shows what has come; when nothing comes, says since when what is shown is old.
"use strict";

const PERIOD_MS = 3000;
const PATIENCE_MS = 10000;
const lost = document.getElementById("lost");
let heard = new Date();

async function renew() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("site").replaceWith(document.adoptNode(page.getElementById("site")));
    document.title = page.title;
    heard = new Date();
    lost.hidden = true;
  } catch {
    const time = heard.toLocaleTimeString(document.documentElement.lang);
    lost.textContent = lost.dataset.said.replace("{time}", () => time);
    lost.hidden = false;
  }
}

async function go() {
  if (!document.hidden) await renew(); // nobody looks: the gateway has other things to do
  setTimeout(go, PERIOD_MS);
}

document.addEventListener("visibilitychange", () => document.hidden || renew());
setTimeout(go, PERIOD_MS);
