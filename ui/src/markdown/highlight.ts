import { sanitize } from "./sanitize";

/** Beyond this, colours cost more than they help. */
const LIMIT = 60_000;

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

/** Colours a code element when its language is known. Resolves when that is done. */
export async function highlight(code: HTMLElement, language: string): Promise<void> {
  const text = code.textContent;
  if (language === "" || text.length > LIMIT) return;
  const { highlighter } = await import("./languages");
  const name = language === "console" ? "bash" : language;
  if (!highlighter.getLanguage(name)) return;
  const { value } = highlighter.highlight(text, { language: name, ignoreIllegals: true });
  const coloured = sanitize(value);
  // Only colours may differ: if the text came out changed, the plain one stays.
  if (coloured.textContent === text) code.replaceChildren(coloured);
}
