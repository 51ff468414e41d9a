/* On the search page: finds the messages that a pasted text is an instance of, whatever its numbers and names are. */
document.addEventListener("DOMContentLoaded", () => {
  const query = new URLSearchParams(window.location.search).get("q") || "";
  const words = (text) => new Set((text.toLowerCase().match(/[a-z][a-z_]+/g) || []).filter((word) => word.length > 1));
  const asked = words(query);
  if (asked.size < 4 || !window.gdfastMessages) return;
  const found = window.gdfastMessages.map(([anchor, kind, text]) => {
    const own = words(text.replace(/<[^>]*>/g, " "));
    const both = [...own].filter((word) => asked.has(word)).length;
    return { anchor, kind, text, both, part: both / Math.max(1, Math.min(own.size, asked.size)) };
  });
  const best = found.filter(({ both, part }) => both > 3 && part >= 0.75)
    .sort((a, b) => b.both * b.part - a.both * a.part).slice(0, 3);
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
  const results = document.getElementById("search-results");
  results.parentNode.insertBefore(box, results);
});
