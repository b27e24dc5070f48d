import type { Token } from "markdown-it";
import { setDirections } from "./direction";
import { isSafeUrl, linkHost, localPath } from "./parser";

/** Elements with something in them. Of a token that asks for another one only the text is drawn. */
const TAGS = new Set([
  "a", "blockquote", "em", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "s", "strong", "table", "tbody", "td", "th", "thead",
  "tr", "ul",
]);
const ALIGNMENTS = /text-align:(left|center|right)/;

/**
 * Draws what the parser read. There is no HTML on the way: elements are created by the list above, texts are text nodes,
 * and only the attributes are set that this file writes, from values it has checked. This is the wall behind the parser.
 */
export function draw(tokens: readonly Token[]): DocumentFragment {
  const fragment = document.createDocumentFragment();
  drawInto(fragment, tokens);
  setDirections(fragment);
  return fragment;
}

function drawInto(root: Node, tokens: readonly Token[]): void {
  const outer: Node[] = [];
  let parent = root;
  let text = "";
  const flush = (): void => {
    if (text !== "") parent.appendChild(document.createTextNode(text));
    text = "";
  };
  const put = (leaf: Node, behind = ""): void => {
    flush();
    parent.appendChild(leaf);
    text = behind;
  };
  let hidden = false;
  for (const token of tokens) {
    if (token.hidden) {
      // The paragraphs of a tight list: their words stand in the item itself, apart from the block that follows.
      hidden = token.nesting < 0;
      continue;
    }
    if (hidden && token.block && token.nesting >= 0) text += "\n";
    hidden = false;
    if (token.nesting < 0) {
      flush();
      parent = outer.pop() ?? root;
      // Blocks stand apart in the text of the whole, too: it is what is read out.
      if (token.block) text = "\n";
      continue;
    }
    if (token.nesting > 0) {
      flush();
      outer.push(parent);
      if (!TAGS.has(token.tag)) continue;
      parent = parent.appendChild(opened(token));
      continue;
    }
    switch (token.type) {
      case "inline":
        flush();
        drawInto(parent, token.children ?? []);
        break;
      // In a chat a line ends where its author ended it.
      case "softbreak":
      case "hardbreak":
        put(document.createElement("br"), "\n");
        break;
      case "code_inline":
        put(code(token.content));
        break;
      case "fence":
      case "code_block":
        put(preformatted(token), "\n");
        break;
      case "hr":
        put(document.createElement("hr"), "\n");
        break;
      case "math_inline":
        put(formula(token, "inline"));
        break;
      case "math_block":
        put(formula(token, "display"), "\n");
        break;
      case "math_open_end":
        put(formula(token, "open"), "\n");
        break;
      case "image":
        put(picture(token));
        break;
      default:
        text += token.content;
    }
  }
  flush();
}

function attribute(token: Token, name: string): string {
  return String(token.attrGet(name) ?? "");
}

function opened(token: Token): HTMLElement {
  const element = document.createElement(token.tag);
  switch (token.tag) {
    case "a":
      pointTo(element, attribute(token, "href"));
      break;
    case "ol": {
      const start = attribute(token, "start");
      if (/^\d{1,9}$/.test(start)) element.setAttribute("start", start);
      break;
    }
    case "li": {
      // What the parser made of `[ ]` and `[x]`.
      const task = token.meta?.["task"];
      if (typeof task === "boolean") element.className = task ? "task done" : "task";
      break;
    }
    case "th":
    case "td": {
      if (token.tag === "th") element.setAttribute("scope", "col");
      const align = ALIGNMENTS.exec(attribute(token, "style"))?.[1];
      if (align) element.className = align;
    }
  }
  return element;
}

function pointTo(link: HTMLElement, url: string): void {
  const path = localPath(url);
  if (isSafeUrl(url)) link.setAttribute("data-url", url);
  else if (path !== undefined) link.setAttribute("data-path", path);
}

function code(text: string): HTMLElement {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}

function preformatted(token: Token): HTMLElement {
  const element = document.createElement("pre");
  element.setAttribute("data-info", token.info.trim());
  element.appendChild(code(token.content));
  return element;
}

/** A formula as it was written; who finishes the block draws it from `data-tex`. */
function formula(token: Token, kind: "inline" | "display" | "open"): HTMLElement {
  const element = document.createElement(kind === "inline" ? "span" : "p");
  element.className = "formula";
  if (kind !== "open") {
    element.setAttribute("data-tex", token.content);
    element.setAttribute("data-display", String(kind === "display" || token.markup.startsWith("$$")));
  }
  element.textContent = token.markup;
  return element;
}

/** An image is never fetched: it is a link, named by its alternative text. */
function picture(token: Token): HTMLElement {
  const url = attribute(token, "src");
  const link = document.createElement("a");
  pointTo(link, url);
  link.setAttribute("data-image", "");
  link.textContent = plainText(token.children ?? []) || linkHost(url) || (localPath(url) ?? "");
  return link;
}

function plainText(tokens: readonly Token[]): string {
  let text = "";
  for (const token of tokens) {
    if (token.type === "softbreak" || token.type === "hardbreak") text += "\n";
    else text += token.children ? plainText(token.children) : token.content;
  }
  return text;
}
