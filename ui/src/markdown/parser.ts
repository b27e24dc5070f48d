import createMarkdown, { type MarkdownIt } from "markdown-it";

/** What links may point to. Everything else stays text. */
export function isSafeUrl(url: string): boolean {
  // Control characters and blanks are dropped by browsers before they read the scheme.
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/.test(url)) return false;
  return /^(?:https?:\/\/[^\s/?#]|mailto:[^\s])/i.test(url);
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

/** CommonMark, tables, strikethrough, task lists, bare links with a scheme. Raw HTML is text. */
export function createParser(): MarkdownIt {
  const markdown = createMarkdown("default", { html: false, linkify: true, breaks: false, maxNesting: 40 });
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  markdown.validateLink = isSafeUrl;
  taskLists(markdown);
  plainInfo(markdown);
  return markdown;
}
