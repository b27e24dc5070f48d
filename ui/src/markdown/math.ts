import temml from "temml";
import "temml/dist/Temml-Local.css";

/** MathML that draws, and nothing that links, loads or runs. */
const ELEMENTS = new Set([
  "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts", "mroot", "mrow", "ms",
  "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover", "none",
]);
const ATTRIBUTES = new Set([
  "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "columnspan", "depth", "displaystyle", "fence", "form", "height",
  "largeop", "linethickness", "lspace", "mathcolor", "mathsize", "mathvariant", "maxsize", "minsize", "movablelimits", "notation",
  "rowalign", "rowlines", "rowspacing", "rowspan", "rspace", "scriptlevel", "separator", "stretchy", "symmetric", "voffset", "width",
]);
const NAMESPACE = "http://www.w3.org/1998/Math/MathML";

/** What Temml makes of TeX: an element, a text, or a list of them. */
interface Part {
  type?: string;
  text?: string;
  attributes?: Record<string, unknown>;
  classes?: readonly string[];
  style?: Record<string, string>;
  children?: readonly Part[];
}

/**
 * Draws TeX as MathML. `undefined` where the TeX is wrong, or asks for more than the lists above have: the caller leaves
 * the source in sight. The elements are made here: Temml's own writing of them needs no trust.
 */
export function drawFormula(tex: string, display: boolean): Element | undefined {
  try {
    const options = { displayMode: display, throwOnError: true, trust: false, maxExpand: 500, maxSize: [40, 400] as [number, number] };
    const drawn = made(temml.__renderToMathMLTree(tex, options) as Part);
    if (!(drawn instanceof Element) || drawn.localName !== "math") return undefined;
    if (display) drawn.setAttribute("display", "block");
    return drawn;
  } catch {
    return undefined;
  }
}

function made(part: Part): Node {
  const { type, text, attributes = {}, classes = [], style = {}, children = [] } = part;
  if (type === undefined && text !== undefined) return document.createTextNode(text);
  if (type === undefined) {
    const fragment = document.createDocumentFragment();
    fragment.append(...children.map(made));
    return fragment;
  }
  if (!ELEMENTS.has(type)) throw new Error(`no ${type} in a formula`);
  const element = document.createElementNS(NAMESPACE, type);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "display") continue;
    if (!ATTRIBUTES.has(name)) throw new Error(`no ${name} in a formula`);
    element.setAttribute(name, String(value));
  }
  const names = classes.filter((name) => /^[a-z-]+$/.test(name));
  if (names.length > 0) element.setAttribute("class", names.join(" "));
  // By property, since the page allows no style attribute.
  if ("style" in element) for (const [name, value] of Object.entries(style)) if (!/url|expression/i.test(value)) Object.assign(element.style as object, { [name]: value });
  element.append(...children.map(made));
  return element;
}
