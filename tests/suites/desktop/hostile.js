// Arms a page: notes everything that a text from an agent must not bring about.
window.harm = { ran: 0, refused: [] };
for (const name of ["alert", "confirm", "prompt", "msgbox"]) window[name] = () => { window.harm.ran += 1; };
document.addEventListener("securitypolicyviolation", (event) => {
  window.harm.refused.push(`${event.violatedDirective} ${event.blockedURI}`);
});
window.drawn = new Set();
new MutationObserver(() => {
  for (const answer of document.querySelectorAll("article.answer[id]")) window.drawn.add(answer.id);
}).observe(document.body, { childList: true, subtree: true });
window.harmDone = () => {
  const foreign = performance.getEntries().map((entry) => entry.name)
    .filter((name) => /^(https?|wss?|ftp|file|data):/.test(name) && !name.startsWith("http://ipc.localhost/"));
  const elements = [...document.querySelectorAll("article.answer *")]
    .filter((element) => element.matches("script, style, link, meta, base, iframe, object, embed, form, input, img, video, audio, math, [style], [src], [srcset], [href]:not(use)")
      || element.getAttributeNames().some((name) => name.startsWith("on")))
    .map((element) => element.outerHTML.slice(0, 200));
  return { ran: window.harm.ran, refused: window.harm.refused, foreign, elements, drawn: window.drawn.size };
};
