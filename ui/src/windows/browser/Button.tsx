import type { JSX } from "preact";
import { Icon, type IconName } from "../../components/Icon";

/** A sign that does something; its name is its tooltip. */
export function Button({ icon, label, onClick, on }: { icon: IconName; label: string; onClick: () => void; on?: boolean }): JSX.Element {
  return (
    <button type="button" class={on ? "icon-button on" : "icon-button"} aria-label={label} title={label} aria-pressed={on} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
