import { highlightInSight, readInfo } from "./highlight";
import type * as Formulas from "./math";
import { linkHost } from "./parser";
import type { Decorate } from "./stream";

/** Words that decorations need, from the window's catalogue. */
export interface DecorationWords {
  copy: string;
  copyPath: string;
  code: string;
  image: string;
  done: string;
  open: string;
  table: string;
}

function icon(name: string, small = false): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", small ? "icon small" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

function element(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const created = document.createElement(tag);
  if (className) created.className = className;
  created.append(...children);
  return created;
}

/** Puts a head with the title and a copy button on code. */
function dressCode(pre: Element, words: DecorationWords, closed: boolean): void {
  const { language, title } = readInfo(pre.getAttribute("data-info") ?? "");
  pre.removeAttribute("data-info");
  const code = pre.querySelector("code");
  const box = element("div", "code");
  const copy = element("button", "button plain medium", icon("copy", true), element("span", "label", words.copy));
  copy.setAttribute("type", "button");
  copy.setAttribute("data-copy", "");
  box.append(element("header", "", element("span", "grow clip", title), copy));
  pre.replaceWith(box);
  pre.setAttribute("tabindex", "0");
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", title || words.code);
  box.append(pre);
  if (closed && code) highlightInSight(code, language);
}

/** A link says where it goes. It has no address of its own: following it is a request to the host. */
function dressLink(link: Element, words: DecorationWords): void {
  const path = link.getAttribute("data-path");
  if (path !== null) {
    dressPath(link, path, words);
    return;
  }
  const url = link.getAttribute("data-url");
  if (!url) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.setAttribute("role", "link");
  link.setAttribute("tabindex", "0");
  link.setAttribute("title", url);
  const host = linkHost(url);
  if (link.hasAttribute("data-image")) link.prepend(icon("image", true), `${words.image}: `);
  const shown = link.textContent.trim().toLowerCase();
  // Only a text that is the very address, with nothing in front of its host, may do without.
  const told = shown === host || (!shown.includes("@") && linkHost(shown) === host);
  if (host && !told) link.append(" ", element("span", "host", host));
}

/** A file on the agent's computer cannot be opened from here: its words stay, and its path can be copied. */
function dressPath(link: Element, path: string, words: DecorationWords): void {
  const copy = element("button", "button plain icon-only", icon("copy", true));
  copy.setAttribute("type", "button");
  copy.setAttribute("data-copy", "");
  copy.setAttribute("aria-label", words.copyPath);
  const box = element("span", "path", ...link.childNodes, copy);
  box.setAttribute("data-path", path);
  box.setAttribute("title", path);
  link.replaceWith(box);
}

/** A wide table is scrolled by itself. */
function frameTable(table: Element, words: DecorationWords): void {
  const frame = element("div", "table");
  frame.setAttribute("tabindex", "0");
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", words.table);
  table.replaceWith(frame);
  frame.append(table);
}

/** The drawer of formulas: fetched with the first one, and not before. */
let drawer: Promise<typeof Formulas> | undefined;
/** The same once it is there: what is drawn again must not flash its source. */
let ready: typeof Formulas | undefined;

function dressFormula(source: Element, closed: boolean): void {
  const tex = source.getAttribute("data-tex");
  const display = source.getAttribute("data-display") === "true";
  if (tex === null) return;
  source.setAttribute("title", tex);
  const put = ({ drawFormula }: typeof Formulas): void => {
    const drawn = drawFormula(tex, display);
    if (drawn) source.replaceChildren(drawn);
  };
  if (ready) {
    put(ready);
    return;
  }
  // What is drawn again with the next piece of text need not wait for it.
  if (!closed) return;
  drawer ??= import("./math").then((module) => (ready = module));
  // Without the drawer the text stays as it was written.
  void drawer.then(put).catch(() => (drawer = undefined));
}

function dressTask(item: Element, words: DecorationWords): void {
  const done = item.classList.contains("done");
  const box = element("span", "box");
  if (done) box.append(icon("check", true));
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", done ? words.done : words.open);
  item.prepend(box);
}

/** The finishing touches of drawn Markdown, all built from elements and never from text. */
export function decorator(words: DecorationWords): Decorate {
  return (fragment, closed) => {
    // One search for all: most blocks have none of these.
    for (const found of fragment.querySelectorAll("pre, a, table, li.task, .formula")) {
      switch (found.localName) {
        case "pre":
          dressCode(found, words, closed);
          break;
        case "a":
          dressLink(found, words);
          break;
        case "table":
          frameTable(found, words);
          break;
        case "li":
          dressTask(found, words);
          break;
        default:
          dressFormula(found, closed);
      }
    }
  };
}
