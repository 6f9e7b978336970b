// A few lines over the DOM: elements from a name and their parts. Nothing here takes text as markup.
const SVG = "http://www.w3.org/2000/svg";

/** An element: h("button.main", {onclick, disabled, "aria-label"}, "text", child, …); null children are left out. */
export function h(kind, properties = {}, ...children) {
  const [name, ...classes] = kind.split(".");
  const made = document.createElement(name || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) put(made, key, value);
  made.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

function put(made, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on") || key === "value" || key === "checked") made[key] = value;
  else if (key === "data") Object.assign(made.dataset, value);
  else made.setAttribute(key, value === true ? "" : value);
}

/** One of the drawings in the page's head. */
export function icon(name) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  made.append(use);
  return made;
}

/** A QR code from its rows of dark and light, as one path; crisp on screen and on paper. */
export function squares(rows, label) {
  const quiet = 4, size = rows.length + 2 * quiet;
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", `0 0 ${size} ${size}`);
  made.setAttribute("class", "qr");
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  made.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(SVG, "path");
  let drawn = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      if (!row[x]) continue;
      let width = 1;
      while (row[x + width]) width += 1;
      drawn += `M${x + quiet} ${y + quiet}h${width}v1h-${width}z`;
      x += width - 1;
    }
  });
  path.setAttribute("d", drawn);
  made.append(path);
  return made;
}

/** Puts `children` into `place` instead of what was there. */
export function show(place, ...children) {
  place.replaceChildren(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
}
