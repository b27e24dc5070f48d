import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A row of a list that is walked with the arrow keys. */
export interface Row {
  key: string;
  lead: ComponentChildren;
  title: ComponentChildren;
  /** The row's words for screen readers, where the drawn title is not enough. */
  label?: string;
  meta?: ComponentChildren;
  /** What stays at the end of the row while it is selected: approval, spinner, unread dot, mark. */
  state?: ComponentChildren;
  end?: ComponentChildren;
  /** Keys that act on the selected row, shown at its end. */
  keys?: ComponentChildren;
  choose: () => void;
  /** Tab: puts the row into the prompt without acting. */
  insert?: () => void;
}

export interface RowList {
  id: string;
  heading: string;
  label: string;
  rows: Row[];
  /** One grey line where the rows would be. */
  empty?: string;
}

export const optionId = (list: string, index: number): string => `${list}-${index}`;

export function List({
  list,
  selected,
  onSelect,
}: {
  list: RowList;
  selected: number;
  onSelect: (index: number) => void;
}): JSX.Element {
  const box = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- jsdom has none
    box.current?.children[selected]?.scrollIntoView?.({ block: "nearest" });
  }, [selected, list.id]);
  return (
    <div class="list">
      {list.heading !== "" && <h3 id={`${list.id}-heading`}>{list.heading}</h3>}
      {list.rows.length > 0 && <ul role="listbox" id={list.id} aria-label={list.label} ref={box}>
        {list.rows.map((row, index) => (
          <li
            key={row.key}
            id={optionId(list.id, index)}
            role="option"
            aria-selected={index === selected}
            aria-label={row.label}
            class={index === selected ? "row selected" : "row"}
            onPointerMove={(event) => {
              // A list that opens under a resting pointer keeps its own selection.
              if ((event.movementX !== 0 || event.movementY !== 0) && index !== selected) onSelect(index);
            }}
            onPointerDown={(event) => event.preventDefault()}
            onClick={row.choose}
          >
            {row.lead}
            <b class="clip" dir="auto">{row.title}</b>
            <span class="meta grow clip">{row.meta}</span>
            <span class="end">
              {/* The selected row says what its key does instead of what time it is. */}
              {index === selected && row.keys !== undefined ? (
                <>
                  {row.state}
                  {row.keys}
                </>
              ) : (
                <>
                  {row.state}
                  {row.end}
                </>
              )}
            </span>
          </li>
        ))}
      </ul>}
      {list.rows.length === 0 && list.empty !== undefined && <p class="nothing">{list.empty}</p>}
    </div>
  );
}
