import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { ConnectionWord } from "../api/ConnectionWord";
import { agentHue } from "../text/format";
import { t } from "../strings";
import { copyText } from "../text/clipboard";
import { Icon } from "./Icon";

/** Keys as caps. `Ctrl` becomes ⌘ on macOS. */
export function Keys({ keys }: { keys: string[] }): JSX.Element {
  return (
    <span class="keys">
      {keys.map((key) => (
        <kbd key={key}>{keyCap(key)}</kbd>
      ))}
    </span>
  );
}

const IS_MAC = typeof navigator !== "undefined" && /Mac OS X/.test(navigator.userAgent);

function keyCap(key: string): string {
  if (key === "Enter") return "↵";
  if (!IS_MAC) return key;
  return { Ctrl: "⌘", Alt: "⌥", Shift: "⇧" }[key] ?? key;
}

export function Avatar({ agent, name, size }: { agent: string; name: string; size?: "small" | "large" }): JSX.Element {
  return (
    <span class={`avatar hue-${agentHue(agent)} ${size ?? ""}`} aria-hidden="true">
      {Array.from(name.trim() || agent || "?")[0]?.toUpperCase()}
    </span>
  );
}

const SHAPES: Record<ConnectionWord, string> = {
  none: "off",
  connecting: "half",
  ready: "full",
  offline: "off",
  "soon-back": "half",
  pairing: "half",
  "sign-in": "half",
  "rate-limited": "half",
  "protocol-mismatch": "bad",
  insecure: "bad",
  "keychain-locked": "half",
  "keychain-unreadable": "half",
  "user-offline": "off",
  refused: "bad",
};

/** Filled is connected, half is waiting, a ring is offline, a lozenge is wrong. A word always stands beside it. */
export function StateDot({ word }: { word: ConnectionWord }): JSX.Element {
  return <span class={`dot ${SHAPES[word]}`} aria-hidden="true" />;
}

export function Spinner(): JSX.Element {
  return <span class="spinner" aria-hidden="true" />;
}

/** A button that copies and answers in place. */
export function CopyButton({
  text,
  children,
  class: extra,
  label,
}: {
  text: () => string;
  children?: ComponentChildren;
  class?: string;
  label?: string;
}): JSX.Element {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const copy = async (): Promise<void> => {
    if (!(await copyText(text()))) return;
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button type="button" class={`button ${extra ?? "plain medium"}`} onClick={() => void copy()} data-copy-button="">
      <Icon name={copied ? "check" : "copy"} small />
      <span aria-live="polite">{copied ? t().copied : (label ?? t().copy)}</span>
      {children}
    </button>
  );
}

/** Text with the matched letters marked. */
export function Marked({ text, positions }: { text: string; positions: readonly number[] }): JSX.Element {
  if (positions.length === 0) return <>{text}</>;
  const marked = new Set(positions);
  const pieces: JSX.Element[] = [];
  let from = 0;
  while (from < text.length) {
    const hit = marked.has(from);
    let to = from + 1;
    while (to < text.length && marked.has(to) === hit) to += 1;
    const piece = text.slice(from, to);
    pieces.push(hit ? <em key={from}>{piece}</em> : <span key={from}>{piece}</span>);
    from = to;
  }
  return <>{pieces}</>;
}
