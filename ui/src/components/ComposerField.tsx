import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Composer } from "../state/composer";
import { locale, t } from "../strings";
import { bytes } from "../text/format";
import { Icon } from "./Icon";

/** Keys that belong to an input method are not ours, whatever they are. */
export function isComposing(event: KeyboardEvent): boolean {
  // WebKit ends the composition before it sends the key that ended it, and marks that key 229.
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells
  return event.isComposing || event.keyCode === 229;
}

function isOneLine(area: HTMLTextAreaElement): boolean {
  const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(area);
  return area.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom) < 2 * parseFloat(lineHeight);
}

/** The text field. It grows with its text up to six lines. */
export function ComposerField({
  composer,
  placeholder,
  controls,
  activeDescendant,
  autoFocus,
}: {
  composer: Composer;
  placeholder: string;
  controls?: string;
  activeDescendant?: string;
  autoFocus?: boolean;
}): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const text = composer.text.value;
  /** The text's length when the height was looked at last. */
  const length = useRef(0);

  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    // A value set from outside (a draft, a recalled prompt) puts the caret at its end; typing leaves it alone.
    if (area.value !== text) {
      area.value = text;
      area.setSelectionRange(text.length, text.length);
    }
    // A changed height lays everything around it out again, a long conversation too: it is changed only for another line.
    const grew = text.length >= length.current;
    length.current = text.length;
    if (area.scrollHeight <= area.clientHeight && (grew || isOneLine(area))) return;
    area.style.height = "0";
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);

  // Not after the first drawing: a window that is not shown yet draws late, and its first key must find the field.
  useLayoutEffect(() => {
    composer.focus = () => {
      // After the next drawing, when the new text is in the field.
      queueMicrotask(() => {
        const area = field.current;
        if (!area) return;
        area.focus();
        area.setSelectionRange(area.value.length, area.value.length);
        area.scrollTop = area.scrollHeight;
      });
    };
    // Whoever was there first, a search or a list, keeps the keys.
    if (autoFocus && (document.activeElement === null || document.activeElement === document.body)) field.current?.focus();
  }, [composer, autoFocus]);

  return (
    <textarea
      ref={field}
      class="prompt"
      rows={1}
      dir="auto"
      aria-label={t().promptLabel}
      aria-autocomplete="list"
      aria-controls={controls}
      aria-activedescendant={activeDescendant}
      placeholder={placeholder}
      spellcheck
      autocomplete="off"
      onInput={(event) => composer.type(event.currentTarget.value)}
      onPaste={(event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length === 0) return;
        event.preventDefault();
        void composer.attach(files, true);
      }}
      onBlur={() => composer.flushDraft()}
    />
  );
}

/** The files that go with the prompt, each removable, and why the last one does not. */
export function AttachmentChips({ composer, onChoose }: { composer: Composer; onChoose: () => void }): JSX.Element | null {
  const attachments = composer.attachments.value;
  const refused = composer.refused.value;
  if (attachments.length === 0 && refused === undefined) return null;
  return (
    <>
      {attachments.length > 0 && (
        <div class="attachments">
          {attachments.map((attachment) => (
            <span class="chip" key={attachment.id}>
              {attachment.preview ? <img class="thumb" src={attachment.preview} alt="" /> : <Icon name="file" />}
              <b class="clip">{attachment.name}</b>
              {attachment.excerpt !== undefined && <q class="excerpt clip">{attachment.excerpt}</q>}
              <span class="dim">{bytes(attachment.size, locale())}</span>
              <button
                type="button"
                class="chip-x"
                aria-label={t().removeFile(attachment.name)}
                onClick={() => composer.removeAttachment(attachment.id)}
              >
                <Icon name="x" />
              </button>
            </span>
          ))}
        </div>
      )}
      {refused !== undefined && (
        <div class="refused" role="alert">
          <span>{refused}</span>
          <button type="button" class="link-button" onClick={onChoose}>
            {t().chooseAnother}
          </button>
        </div>
      )}
    </>
  );
}
