import type { JSX } from "preact";

const PATHS: Record<string, JSX.Element> = {
  bars: <path d="M3.200 13V9.500M8 13V3.500M12.800 13V6.500" stroke-width="2" />,
  check: <path d="m3 8.6 3.2 3.2L13 4.8" />,
  "chevron-down": <path d="M3.5 6 8 10.5 12.5 6" />,
  "chevron-right": <path d="m6 3.5 4.5 4.5L6 12.5" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M8 4.9V8l2.1 1.6" />
    </>
  ),
  copy: (
    <>
      <rect x="5.500" y="5.500" width="8" height="8" rx="2" />
      <path d="M10.500 3.200A1.800 1.800 0 0 0 9 2.500H4.400a1.900 1.900 0 0 0-1.900 1.900V9c0 .6.3 1.100.7 1.500" />
    </>
  ),
  cube: (
    <>
      <path d="M8 1.900 13.300 4.900v6.200L8 14.100 2.700 11.100V4.900L8 1.900Z" />
      <path d="M2.900 5 8 8l5.100-3M8 8v6" />
    </>
  ),
  file: (
    <>
      <path d="M9 1.800H5.200a1.700 1.700 0 0 0-1.700 1.700v9a1.700 1.700 0 0 0 1.700 1.700h5.600a1.700 1.700 0 0 0 1.700-1.700V5.300L9 1.800Z" />
      <path d="M9 2v3.400h3.400" />
    </>
  ),
  image: (
    <>
      <rect x="2" y="3" width="12" height="10" rx="2" />
      <path d="m2.500 11 3.500-3.500 3 3 2-2 2.500 2.500" />
      <circle cx="10.500" cy="6" r=".8" />
    </>
  ),
  info: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 7.300v3.600M8 5.100h.01" />
    </>
  ),
  key: (
    <>
      <circle cx="5.300" cy="10.700" r="3.100" />
      <path d="m7.500 8.500 5.800-5.800M10.800 5.200l2 2M9 7l1.300 1.300" />
    </>
  ),
  lock: (
    <>
      <rect x="3.200" y="7" width="9.600" height="6.800" rx="1.800" />
      <path d="M5.300 7V5.200a2.700 2.700 0 0 1 5.400 0V7" />
    </>
  ),
  off: (
    <path d="M2 2l12 12M4.300 9.200a5.300 5.300 0 0 1 2-1.300M9.700 7.900c.8.300 1.500.8 2.100 1.400M2.100 6.500A8.600 8.600 0 0 1 4.600 4.900M7.200 4.100c2.500-.2 4.900.7 6.700 2.400M6.500 11.500a2.200 2.200 0 0 1 3 0M8 13.600h.01" />
  ),
  pencil: <path d="m10.800 2.800 2.400 2.400-7.600 7.600-3 .6.600-3 7.600-7.600ZM9.300 4.300l2.400 2.400" />,
  pin: <path d="M5.700 2.200h4.600l-.5 4.200 2 2.100v1.200H4.200V8.500l2-2.100-.5-4.200ZM8 9.800v4" />,
  plus: <path d="M8 3.200v9.600M3.200 8h9.600" />,
  question: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.200 6.300a1.900 1.900 0 1 1 2.700 1.700c-.6.300-.9.6-.9 1.200M8 11.200h.01" />
    </>
  ),
  quote: <path d="M6.500 4.500C4.700 5 3.500 6.400 3.500 8.600v2.900h3V8.600H5.200M12.500 4.500c-1.800.5-3 1.900-3 4.100v2.900h3V8.600h-1.300" />,
  redo: <path d="M13.200 8a5.200 5.200 0 1 1-1.500-3.700l1.500 1.500M13.200 2.600v3.200H10" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.300" />
      <path d="m10.200 10.200 3.300 3.300" />
    </>
  ),
  shield: (
    <>
      <path d="M8 1.900 3 3.700v3.900c0 3.100 2 5.400 5 6.500 3-1.100 5-3.400 5-6.500V3.700L8 1.900Z" />
      <path d="M8 5.300v2.900M8 10.400h.01" />
    </>
  ),
  slash: <path d="M10.200 2.800 5.800 13.200" />,
  stop: <rect x="3.500" y="3.500" width="9" height="9" rx="2" fill="currentColor" stroke="none" />,
  up: <path d="M8 13V3.200M3.800 7.200 8 3l4.200 4.200" />,
  down: <path d="M8 3v9.800M3.800 8.800 8 13l4.200-4.200" />,
  wifi: <path d="M2.100 6.500a8.500 8.500 0 0 1 11.800 0M4.300 9.200a5.300 5.300 0 0 1 7.400 0M6.500 11.500a2.200 2.200 0 0 1 3 0M8 13.600h.01" />,
  x: <path d="m4 4 8 8M12 4l-8 8" />,
};

export type IconName = keyof typeof PATHS;

const CLAW =
  "M9.100 2C5.100 2.800 2.200 6.400 2.200 10.700c0 2.500 1 4.800 2.700 6.400-.2 1.100-.8 2.100-1.700 2.800-.4.3-.2.9.3.9 2 0 3.800-.7 5.100-1.700.8.2 1.600.3 2.400.3 4.900 0 8.800-3.900 8.800-8.700 0-2-.7-3.900-1.800-5.400-.5-.6-1.200-.6-1.700-.1-2.100 1.700-3.700 3.700-4.600 5.900-.2.400-.8.400-.9 0-1-2.500-1.100-5-.4-7.600.2-.9-.4-1.700-1.300-1.500Z";

/** All signs of the windows, once a page; drawn Markdown uses them too. */
export function IconSprite(): JSX.Element {
  return (
    <svg width="0" height="0" class="sprite" aria-hidden="true">
      {Object.entries(PATHS).map(([name, shape]) => (
        <symbol key={name} id={`icon-${name}`} viewBox="0 0 16 16">
          {shape}
        </symbol>
      ))}
      <symbol id="icon-claw" viewBox="0 0 22 22">
        <path d={CLAW} />
      </symbol>
    </svg>
  );
}

export function Icon({ name, small, class: extra }: { name: IconName; small?: boolean; class?: string }): JSX.Element {
  const classes = ["icon", small ? "small" : "", extra ?? ""].filter(Boolean).join(" ");
  return (
    <svg class={classes} aria-hidden="true">
      <use href={`#icon-${name}`} />
    </svg>
  );
}

/** The pincer that is also a speech bubble. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" width="22" height="22" aria-hidden="true">
      <use href="#icon-claw" />
    </svg>
  );
}
