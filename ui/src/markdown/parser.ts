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

/** `- [x] done`: the box becomes a mark in front of the item. */
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
      item.attrJoin("class", box[1] === " " ? "task" : "task done");
    });
  });
}

/** CommonMark, tables, strikethrough, task lists, bare links with a scheme. Raw HTML is text, images are links. */
export function createParser(): MarkdownIt {
  const markdown = createMarkdown("default", { html: false, linkify: true, breaks: false, maxNesting: 40 });
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  markdown.validateLink = isSafeUrl;
  taskLists(markdown);
  const { rules } = markdown.renderer;

  rules.link_open = (tokens, index) => {
    const url = String(tokens[index]?.attrGet("href") ?? "");
    return `<a data-url="${markdown.utils.escapeHtml(url)}">`;
  };
  // An image is never fetched: it is a link, named by its alternative text.
  rules.image = (tokens, index, options, env) => {
    const token = tokens[index];
    const url = String(token?.attrGet("src") ?? "");
    const alt = markdown.renderer.renderInlineAsText(token?.children ?? [], options, env);
    const label = markdown.utils.escapeHtml(alt || linkHost(url));
    return `<a data-url="${markdown.utils.escapeHtml(url)}" data-image="">${label}</a>`;
  };
  rules.fence = (tokens, index) => {
    const token = tokens[index];
    const info = markdown.utils.unescapeAll(token?.info ?? "").trim();
    return `<pre data-info="${markdown.utils.escapeHtml(info)}"><code>${markdown.utils.escapeHtml(token?.content ?? "")}</code></pre>`;
  };
  rules.code_block = (tokens, index) =>
    `<pre data-info=""><code>${markdown.utils.escapeHtml(tokens[index]?.content ?? "")}</code></pre>`;
  // Alignment without a style attribute.
  const align = (token: { attrGet(name: string): string | number | null } | undefined): string => {
    const found = /text-align:(left|center|right)/.exec(String(token?.attrGet("style") ?? ""));
    return found ? ` class="${found[1]}"` : "";
  };
  rules.th_open = (tokens, index) => `<th scope="col"${align(tokens[index])}>`;
  rules.td_open = (tokens, index) => `<td${align(tokens[index])}>`;
  return markdown;
}
