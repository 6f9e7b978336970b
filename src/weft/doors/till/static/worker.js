// The till's service worker: keeps the whole program, so that it starts when the node is gone.
// VERSION and KEPT stand above, written by the node. Sales never pass through here: the page keeps them itself.
const CACHE = `till-${VERSION}`;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(KEPT.map((address) => new Request(address, { cache: "reload" }))); // all of it or nothing
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("till-") && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  if (event.data === "take-over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin || !url.pathname.startsWith("/till")) return;
  if (url.pathname.startsWith("/till/api/")) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const page = event.request.mode === "navigate" && (url.pathname === "/till" || url.pathname === "/till/");
    return (await cache.match(page ? "/till/" : url.pathname)) ?? fetch(event.request);
  })());
});
