// Shows pages of the shop floor again while there is no network: always the newest from the node, else the last one seen.
// Nothing is sent from here: what waits is in the page's own store.
"use strict";
const CACHE = "weft-work-1";
const KEPT = /^\/(jobs|scan|my-work|drawings|static)(\/|$)/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (address.origin !== location.origin) return;
  if (address.pathname === "/pair") event.waitUntil(caches.delete(CACHE)); // whoever comes next sees nothing of before
  else if (event.request.method === "GET" && KEPT.test(address.pathname)) event.respondWith(newest(event.request));
});

async function newest(request) {
  try {
    const answer = await fetch(request);
    if (answer.status === 401 || answer.status === 403) await caches.delete(CACHE);
    else if (answer.status === 200 && answer.type === "basic" && !answer.redirected) {
      await (await caches.open(CACHE)).put(request.url, answer.clone());
    }
    return answer;
  } catch (error) {
    const held = await caches.match(request.url, { ignoreVary: true });
    if (held) return held;
    throw error;
  }
}
