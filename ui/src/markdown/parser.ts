import createMarkdown, { type MarkdownIt } from "markdown-it";
import cjkFriendly from "markdown-it-cjk-friendly";
import { formulas } from "./formulas";

/** What links may point to. Everything else stays text. */
export function isSafeUrl(url: string): boolean {
  // Control characters and blanks are dropped by browsers before they read the scheme.
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/.test(url)) return false;
  return /^(?:https?:\/\/[^\s/?#]|mailto:[^\s])/i.test(url);
}

/** `/srv/a.md`, `./a.rs:12`, `../a`, `~/a`, `C:\\a`, `file:///a`, `src/a.rs#L3`: no scheme, no host. */
const PATH = /^(?:file:\/\/(?=\/))?((?:\/(?!\/)|\.{1,2}\/|~\/|[A-Za-z]:[\\/])[^:]*|[\w.-]+(?:\/[\w.-]+)+|[\w-]+\.\w{1,8})((?::\d+){0,2}|#L\d+(?:-L?\d+)?)$/;

/** The file that a link names, on the computer of the agent. `undefined` for anything that is not plainly a path. */
export function localPath(url: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url);
  } catch {
    return undefined;
  }
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(path)) return undefined;
  const found = PATH.exec(path);
  return found ? `${found[1] ?? ""}${found[2] ?? ""}` : undefined;
}

/** What a reader has to know about a link before following it: the host, or the address of a mail. */
export function linkHost(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.protocol === "mailto:") return decodeURIComponent(parsed.pathname);
    return parsed.host;
  } catch {
    return "";
  }
}

const TASK = /^\[([ xX])\]\s+/;

/** `- [x] done`: the box becomes a mark of the item, `task` in its token's `meta`. */
function taskLists(markdown: MarkdownIt): void {
  markdown.core.ruler.after("inline", "task-lists", (state) => {
    state.tokens.forEach((token, index) => {
      if (token.type !== "inline") return;
      const item = state.tokens[index - 2];
      if (item?.type !== "list_item_open" || state.tokens[index - 1]?.type !== "paragraph_open") return;
      const first = token.children?.[0];
      const box = first?.type === "text" ? TASK.exec(first.content) : null;
      if (!first || !box) return;
      first.content = first.content.slice(box[0].length);
      item.meta = { task: box[1] !== " " };
    });
  });
}

/** What stands behind the opening of a fence may be escaped. */
function plainInfo(markdown: MarkdownIt): void {
  markdown.core.ruler.push("plain-info", (state) => {
    for (const token of state.tokens) if (token.info.includes("\\") || token.info.includes("&")) token.info = markdown.utils.unescapeAll(token.info);
  });
}

/**
 * CommonMark, tables, strikethrough, task lists, formulas, bare links with a scheme. Raw HTML is text. A line break is a line break,
 * as in every chat, and emphasis also works beside Chinese, Japanese and Korean punctuation.
 */
export function createParser(): MarkdownIt {
  const markdown = createMarkdown("default", { html: false, linkify: true, breaks: true, maxNesting: 40 });
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  markdown.validateLink = (url) => isSafeUrl(url) || localPath(url) !== undefined;
  markdown.use(cjkFriendly);
  markdown.use(formulas);
  taskLists(markdown);
  plainInfo(markdown);
  return markdown;
}
