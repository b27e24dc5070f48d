import type { JSX } from "preact";

/** On or off, at once. */
export function Switch({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }): JSX.Element {
  return <button type="button" class="switch" role="switch" aria-checked={on} aria-label={label} onClick={() => onChange(!on)} />;
}
