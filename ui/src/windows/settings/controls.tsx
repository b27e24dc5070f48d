import type { ComponentChildren, JSX } from "preact";

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
