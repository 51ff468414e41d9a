/* On the search page: finds the messages that a pasted text is an instance of, whatever its numbers and names are. */
document.addEventListener("DOMContentLoaded", () => {
  const query = (new URLSearchParams(window.location.search).get("q") || "").replace(/\s+/g, " ");
  const words = (text) => new Set((text.toLowerCase().match(/[a-z][a-z_]+/g) || []));
  const asked = words(query);
  const results = document.getElementById("search-results");
  if (asked.size < 3 || !window.gdfastMessages || !results) return;
  const score = (text) => {
    const pieces = text.split(/<[^>]*>/);
    const length = pieces.join("").trim().length;
    const pattern = pieces.map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
    if (length > 15 && new RegExp(pattern).test(query)) return 1000 + length;  // the whole message
    const own = words(pieces.join(" "));
    const both = [...own].filter((word) => asked.has(word)).length;
    const part = both / Math.max(1, Math.min(own.size, asked.size));
    return both > 3 && part >= 0.75 ? both * part : 0;  // a part of it
  };
  const best = window.gdfastMessages.map(([anchor, kind, text]) => ({ anchor, kind, text, points: score(text) }))
    .filter(({ points }) => points > 0).sort((a, b) => b.points - a.points).slice(0, 3);
  if (!best.length) return;
  const box = document.createElement("div");
  box.className = "gdfast-found-messages";
  const heading = document.createElement("h2");
  heading.textContent = "Messages of gdfast";
  box.append(heading);
  for (const { anchor, kind, text } of best) {
    const link = Object.assign(document.createElement("a"), { href: `messages.html#${anchor}`, textContent: `${kind}: ${text}` });
    const line = document.createElement("p");
    line.append(link);
    box.append(line);
  }
  results.parentNode.insertBefore(box, results);
});
