import type { Emitter } from "highlight.js";
import core from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const languages = {
  bash, c, cpp, css, diff, dockerfile, go, ini, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml,
};
for (const [name, language] of Object.entries(languages)) core.registerLanguage(name, language);

/** Builds the coloured text from elements, where highlight.js would write HTML. */
class Spans implements Emitter {
  readonly fragment = document.createDocumentFragment();
  readonly #outer: Node[] = [];
  #parent: Node = this.fragment;

  addText(text: string): void {
    if (text !== "") this.#parent.appendChild(document.createTextNode(text));
  }

  startScope(scope: string): void {
    this.openNode(scope);
  }

  endScope(): void {
    this.closeNode();
  }

  // Not in highlight.js's types, but what it calls.
  openNode(scope: string): void {
    this.#outer.push(this.#parent);
    const span = document.createElement("span");
    // `title.function` is coloured as a `title`.
    span.className = `hljs-${scope.split(".", 1)[0]}`;
    this.#parent = this.#parent.appendChild(span);
  }

  closeNode(): void {
    this.#parent = this.#outer.pop() ?? this.fragment;
  }

  __addSublanguage(emitter: Emitter): void {
    if (emitter instanceof Spans) this.#parent.appendChild(emitter.fragment);
  }

  finalize(): void {
    this.#outer.length = 0;
    this.#parent = this.fragment;
  }

  toHTML(): string {
    return "";
  }
}
core.configure({ __emitter: Spans });

/** The text with its colours, if the language is one of those that chat is full of. */
export function colour(text: string, language: string): DocumentFragment | undefined {
  if (!core.getLanguage(language)) return undefined;
  const { _emitter: spans } = core.highlight(text, { language, ignoreIllegals: true });
  return spans instanceof Spans ? spans.fragment : undefined;
}
