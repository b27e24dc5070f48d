import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./Icon";

/** A strip that says one thing and offers one next step. */
export function Note({
  icon,
  title,
  children,
  action,
}: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="note">
      <span class="tile neutral">
        <Icon name={icon} />
      </span>
      <div class="grow">
        <b>{title}</b>
        {children}
      </div>
      {action}
    </div>
  );
}
