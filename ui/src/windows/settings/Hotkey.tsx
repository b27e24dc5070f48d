import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "../../components/Icon";
import { t } from "../../strings";

const MODIFIERS = ["Control", "Alt", "Shift", "Meta"];

/** Which modifiers are held, by the names the app uses. */
function held(event: KeyboardEvent): string[] {
  const names: string[] = [];
  if (event.ctrlKey) names.push("Ctrl");
  if (event.altKey) names.push("Alt");
  if (event.shiftKey) names.push("Shift");
  if (event.metaKey) names.push("Super");
  return names;
}

/** The name of a key that may end a hotkey: a letter, a digit, a function key, a named key. By position, not by layout. */
function keyName(code: string): string | undefined {
  const letter = /^Key([A-Z])$/.exec(code)?.[1] ?? /^Digit(\d)$/.exec(code)?.[1];
  if (letter) return letter;
  if (/^F(?:[1-9]|1\d|2[0-4])$/.test(code)) return code;
  return ["Space", "Enter", "Tab", "Home", "End", "Insert", "PageUp", "PageDown", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Backquote", "Comma", "Period", "Slash", "Semicolon", "Minus", "Equal"].includes(code)
    ? code
    : undefined;
}

/** Records keys as they are pressed. Esc leaves everything as it was. */
export function HotkeyField({ label, keys, wrong, onChange }: { label: string; keys: string; wrong: boolean; onChange: (keys: string) => void }): JSX.Element {
  const words = t();
  const [pressed, setPressed] = useState<string[] | undefined>();
  const recording = pressed !== undefined;
  const shown = recording ? pressed : keys.split("+").filter(Boolean);
  return (
    <span class={recording ? "record live" : wrong ? "record wrong" : "record"}>
      <button
        type="button"
        class="record-field"
        aria-label={`${label}: ${shown.join(" ")}`}
        aria-pressed={recording}
        onClick={() => setPressed(recording ? undefined : [])}
        onBlur={() => setPressed(undefined)}
        onKeyUp={(event) => {
          if (recording) setPressed(held(event));
        }}
        onKeyDown={(event) => {
          if (!recording || event.repeat) return;
          event.preventDefault();
          event.stopPropagation();
          if (event.key === "Escape") {
            setPressed(undefined);
            return;
          }
          const modifiers = held(event);
          if (MODIFIERS.includes(event.key)) {
            setPressed(modifiers);
            return;
          }
          const name = keyName(event.code);
          // A key alone, or with Shift alone, would take letters away from every program.
          const alone = modifiers.length === 0 || (modifiers.length === 1 && modifiers[0] === "Shift");
          if (name === undefined || (alone && !/^F\d+$/.test(name))) return;
          setPressed(undefined);
          onChange([...modifiers, name].join("+"));
        }}
      >
        {shown.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
        {recording && <span class="dim">{words.pressKeys}</span>}
      </button>
      {recording ? (
        <kbd>Esc</kbd>
      ) : (
        keys !== "" && (
          <button type="button" class="icon-button" aria-label={words.remove} title={words.remove} onClick={() => onChange("")}>
            <Icon name="x" small />
          </button>
        )
      )}
    </span>
  );
}
