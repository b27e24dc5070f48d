import createDOMPurify, { type DOMPurify } from "dompurify";
import { isSafeUrl } from "./parser";

const TAGS = [
  "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
  "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ATTRIBUTES = ["class", "data-image", "data-info", "data-url", "scope", "start"];
const CLASSES = /^(?:task|done|left|center|right|hljs-[a-z_-]+|[a-z]+_)$/;

let purify: DOMPurify | undefined;

function sanitizer(): DOMPurify {
  if (purify) return purify;
  const created = createDOMPurify(window);
  created.addHook("uponSanitizeAttribute", (_node, data) => {
    if (data.attrName === "data-url" && !isSafeUrl(data.attrValue)) data.keepAttr = false;
    if (data.attrName === "class") {
      const kept = data.attrValue.split(/\s+/).filter((name) => CLASSES.test(name));
      data.attrValue = kept.join(" ");
      if (kept.length === 0) data.keepAttr = false;
    }
    if (data.attrName === "start" && !/^\d{1,9}$/.test(data.attrValue)) data.keepAttr = false;
  });
  // Read once: reading the lists for every block costs more than cleaning it.
  created.setConfig({
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    // Their values are checked by the hook above, not as addresses.
    ADD_URI_SAFE_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOW_UNKNOWN_PROTOCOLS: false,
    ALLOW_SELF_CLOSE_IN_ATTR: false,
    SANITIZE_NAMED_PROPS: true,
    RETURN_DOM_FRAGMENT: true,
  });
  purify = created;
  return created;
}

/** The second wall behind the parser: only what this file lists reaches the page. */
export function sanitize(html: string): DocumentFragment {
  return sanitizer().sanitize(html, { RETURN_DOM_FRAGMENT: true });
}
