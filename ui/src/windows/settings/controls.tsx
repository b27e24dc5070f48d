import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Settings } from "../../api/Settings";
import { t } from "../../strings";

/** What a page shows and changes. */
export interface Part {
  settings: Settings;
  change: (patch: Partial<Settings>) => void;
}

/** What a page is about. */
export function Title({ title, lead }: { title: string; lead: string }): JSX.Element {
  return (
    <>
      <h1>{title}</h1>
      <p class="lead">{lead}</p>
    </>
  );
}

/** A row of a card: what it is, what it does, and its control. */
export function Row({ title, detail, children }: { title: string; detail?: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="setting">
      <div class="grow">
        <b>{title}</b>
        {detail !== undefined && detail !== "" && <span class="detail">{detail}</span>}
      </div>
      {children}
    </div>
  );
}

/** A few choices beside each other, walked with the arrow keys. */
export function Choice<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: Value;
  options: readonly [Value, string][];
  onChange: (value: Value) => void;
}): JSX.Element {
  return (
    <div
      class="choice"
      role="radiogroup"
      aria-label={label}
      onKeyDown={(event) => {
        const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
        if (step === 0) return;
        event.preventDefault();
        const at = options.findIndex(([option]) => option === value);
        const next = (at + step + options.length) % options.length;
        const chosen = options[next];
        if (chosen) onChange(chosen[0]);
        event.currentTarget.querySelectorAll("button")[next]?.focus();
      }}
    >
      {options.map(([option, name], index) => (
        <button
          key={option}
          type="button"
          role="radio"
          aria-checked={option === value}
          tabIndex={option === value || (index === 0 && !options.some(([other]) => other === value)) ? 0 : -1}
          onClick={() => onChange(option)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

/** What cannot be taken back is asked once, with what is lost. */
export function Confirmation({ title, sentence, action, close, run }: { title: string; sentence: string; action: string; close: () => void; run: () => void }): JSX.Element {
  const words = t();
  const cancel = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => cancel.current?.focus(), []);
  return (
    <div class="over" onKeyDown={(event) => event.key === "Escape" && close()}>
      <div class="card confirmation" role="alertdialog" aria-modal="true" aria-labelledby="confirm-title" aria-describedby="confirm-sentence">
        <h3 id="confirm-title">{title}</h3>
        <p id="confirm-sentence">{sentence}</p>
        <div class="actions">
          <span class="grow" />
          <button type="button" class="button" ref={cancel} onClick={close}>
            {words.cancel}
          </button>
          <button
            type="button"
            class="button destroy"
            onClick={() => {
              close();
              run();
            }}
          >
            {action}
          </button>
        </div>
      </div>
    </div>
  );
}
