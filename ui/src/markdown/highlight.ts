import { signal } from "@preact/signals";

/** Beyond this, colours cost more than they help. */
const LIMIT = 60_000;
/** Code is coloured once it has been in sight for so long: what only scrolls by is not. */
const GLANCE_MS = 150;

const NAMES: Record<string, string> = {
  bash: "Shell", console: "Shell", sh: "Shell", shell: "Shell", zsh: "Shell", c: "C", cpp: "C++", cs: "C#", css: "CSS",
  diff: "Diff", dockerfile: "Dockerfile", go: "Go", html: "HTML", ini: "INI", java: "Java", javascript: "JavaScript",
  js: "JavaScript", json: "JSON", jsx: "JSX", kotlin: "Kotlin", markdown: "Markdown", md: "Markdown", php: "PHP",
  py: "Python", python: "Python", rb: "Ruby", rs: "Rust", ruby: "Ruby", rust: "Rust", sql: "SQL", swift: "Swift",
  text: "", toml: "TOML", ts: "TypeScript", tsx: "TSX", txt: "", typescript: "TypeScript", xml: "XML", yaml: "YAML", yml: "YAML",
};

/** What the info string of a fence says: the language, and the title to show (a file's name, where one is given). */
export function readInfo(info: string): { language: string; title: string } {
  const [first = "", ...rest] = info.split(/\s+/);
  const named = /(?:title|file|filename|path)=["']?([^"'\s}]+)/.exec(info)?.[1];
  const language = first.replace(/[{:,].*$/, "").toLowerCase();
  const path = named ?? (first.includes(":") ? first.slice(first.indexOf(":") + 1) : rest.find((word) => /^[\w./@-]+$/.test(word)));
  return { language, title: path || (NAMES[language] ?? first) };
}

/** Counts what was coloured: who keeps places in the text has to look again. */
export const coloured = signal(0);

/** Colours a code element when its language is known. Resolves when that is done. */
async function highlight(code: HTMLElement, language: string): Promise<void> {
  const text = code.textContent;
  const { colour } = await import("./languages");
  const spans = colour(text, language === "console" ? "bash" : language);
  // Only colours may differ: if the text came out changed, the plain one stays.
  if (spans?.textContent !== text) return;
  code.replaceChildren(spans);
  coloured.value += 1;
}

/** Code that is not coloured yet, and its language. */
const waiting = new WeakMap<Element, string>();
/** Of the code in sight: what colours it in a moment. */
const glances = new WeakMap<Element, ReturnType<typeof setTimeout>>();
let observer: IntersectionObserver | undefined;

function look(entries: readonly IntersectionObserverEntry[]): void {
  for (const { target, isIntersecting } of entries) {
    clearTimeout(glances.get(target));
    if (isIntersecting) glances.set(target, setTimeout(() => seen(target), GLANCE_MS));
    else if (!target.isConnected) observer?.unobserve(target);
  }
}

function seen(code: Element): void {
  const language = waiting.get(code);
  observer?.unobserve(code);
  if (language !== undefined && code instanceof HTMLElement) void highlight(code, language);
}

/** Colours a code element as soon as somebody sees it, if its language is known. */
export function highlightInSight(code: HTMLElement, language: string): void {
  if (language === "" || code.textContent.length > LIMIT) return;
  observer ??= new IntersectionObserver(look, { rootMargin: "25%" });
  waiting.set(code, language);
  observer.observe(code);
}
