import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { CaptureKind } from "../host";
import type { Composer } from "../state/composer";
import { t } from "../strings";
import { Icon, type IconName } from "./Icon";

const ICONS: Record<CaptureKind, IconName> = { clipboard: "clipboard", selection: "selection", screenshot: "camera" };

/** Attaches a file; where the desktop can give more, a choice of what. Nothing is looked at before it is chosen. */
export function Attach({ composer, onChoose }: { composer: Composer; onChoose: () => void }): JSX.Element {
  const words = t();
  const { captures } = composer.link.host.surroundings;
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
    const away = (event: PointerEvent): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  if (captures.length === 0) {
    return (
      <button type="button" class="icon-button" aria-label={words.attach} title={words.attach} onClick={onChoose}>
        <Icon name="plus" />
      </button>
    );
  }
  const names: Record<CaptureKind, string> = { clipboard: words.addClipboard, selection: words.addSelection, screenshot: words.addScreenshot };
  const item = (icon: IconName, label: string, run: () => void): JSX.Element => (
    <button
      key={icon}
      type="button"
      role="menuitem"
      class="menu-line"
      onClick={() => {
        setOpen(false);
        run();
      }}
    >
      <Icon name={icon} small />
      {label}
    </button>
  );
  return (
    <div
      class="more"
      ref={box}
      onKeyDown={(event) => {
        if (!open) return;
        if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          setOpen(false);
          composer.focus();
          return;
        }
        const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="menuitem"]')];
        const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
        if (step === 0) return;
        event.preventDefault();
        event.stopPropagation();
        all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus();
      }}
    >
      <button type="button" class={open ? "icon-button on" : "icon-button"} aria-label={words.attachMenu} title={words.attachMenu} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="plus" />
      </button>
      {open && (
        <div class="menu start above" role="menu" aria-label={words.attachMenu}>
          {item("file", words.attach, onChoose)}
          {captures.map((kind) => item(ICONS[kind], names[kind], () => void composer.capture(kind)))}
        </div>
      )}
    </div>
  );
}
