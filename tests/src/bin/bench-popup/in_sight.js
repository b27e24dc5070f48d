(text) => {
  let found = document.documentElement;
  if (!found.textContent.includes(text)) return "missing";
  for (let inner = found; inner; ) {
    found = inner;
    inner = [...found.children].findLast((child) => child.textContent.includes(text));
  }
  const { top, bottom } = found.getBoundingClientRect();
  return bottom > 0 && top < innerHeight ? "in sight" : "out of sight";
}
