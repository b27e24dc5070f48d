import { dateFormat, numberFormat } from "./formats";

const DAY_MS = 86_400_000;

/** The beginning of the day of a moment, or of a day before it, in local time. */
export function startOfDay(ms: number, daysBefore = 0): number {
  const date = new Date(ms);
  date.setHours(0, 0, 0, 0);
  date.setDate(date.getDate() - daysBefore);
  return date.getTime();
}

/** Whole days between the days of two moments, in local time. */
export function daysBetween(fromMs: number, toMs: number): number {
  return Math.round((startOfDay(toMs) - startOfDay(fromMs)) / DAY_MS);
}

export function clockTime(ms: number, locale: string): string {
  return dateFormat(locale, { hour: "numeric", minute: "2-digit", hourCycle: "h23" }).format(ms);
}

/** now, 14:21, Yesterday, Tue, 3 Nov, 3 Nov 2024. */
export function shortTime(ms: number, nowMs: number, locale: string, words: { now: string; yesterday: string }): string {
  if (Math.abs(nowMs - ms) < 60_000) return words.now;
  const days = daysBetween(ms, nowMs);
  if (days <= 0) return clockTime(ms, locale);
  if (days === 1) return words.yesterday;
  if (days < 7) return dateFormat(locale, { weekday: "short" }).format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return dateFormat(locale, { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }).format(ms);
}

/** 6.4 s, 11 s, 2 min 5 s, 1 h 4 min. */
export function duration(ms: number, locale: string): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) {
    return `${numberFormat(locale, { maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(seconds)} s`;
  }
  return elapsed(ms);
}

/** For clocks that run: whole seconds only. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 1:42, 0:08, 1:02:03: time left, never below zero. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  if (hours > 0) return `${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

/** 18 kB, 1.2 MB. Decimal units. */
export function bytes(count: number, locale: string): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit >= 2 && value < 100 ? 1 : 0;
  return `${numberFormat(locale, { maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

/** 1.4k, 180k, 1.2M. */
export function tokens(count: number, locale: string): string {
  const format = (value: number, digits: number): string =>
    numberFormat(locale, { maximumFractionDigits: digits }).format(value);
  if (count < 1000) return format(count, 0);
  if (count < 1_000_000) return `${format(count / 1000, count < 10_000 ? 1 : 0)}k`;
  return `${format(count / 1_000_000, 1)}M`;
}

const CHANNELS: Record<string, string> = {
  telegram: "Telegram",
  whatsapp: "WhatsApp",
  discord: "Discord",
  slack: "Slack",
  signal: "Signal",
  imessage: "iMessage",
  email: "Email",
  matrix: "Matrix",
  msteams: "Teams",
  googlechat: "Google Chat",
  mattermost: "Mattermost",
  irc: "IRC",
  line: "LINE",
  webchat: "Web",
  sms: "SMS",
};

/** A channel's name as people write it. */
export function channelName(channel: string): string {
  return CHANNELS[channel.toLowerCase()] ?? channel.charAt(0).toUpperCase() + channel.slice(1);
}

/** `provider/claude-opus-4-6` → what fits on a chip. The catalogue's own name comes first where it is known. */
export function modelName(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

/** One of five hues, the same for the same agent everywhere. */
export function agentHue(id: string): number {
  // The multiplier and the start are chosen so that the usual first agents differ.
  let hash = 38;
  for (let index = 0; index < id.length; index += 1) hash = (Math.imul(hash, 119) + id.charCodeAt(index)) >>> 0;
  return (hash % 5) + 1;
}

// Bidirectional controls, zero-width characters and other invisible ones: what can make a command look like another.
// Blanks that are not the usual one are among them: a shell takes them for letters.
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|\ud834[\udd73-\udd7a]|[\udb40-\udb43][\udc00-\udfff]/g;

/** The text in pieces, with what cannot be seen spelled out as `U+202E`. For commands that a person decides on. */
export function visible(text: string): { text: string; hidden: boolean }[] {
  const pieces: { text: string; hidden: boolean }[] = [];
  let last = 0;
  for (const found of text.matchAll(INVISIBLE)) {
    if (found.index > last) pieces.push({ text: text.slice(last, found.index), hidden: false });
    const code = found[0].codePointAt(0) ?? 0;
    pieces.push({ text: `U+${code.toString(16).toUpperCase().padStart(4, "0")}`, hidden: true });
    last = found.index + found[0].length;
  }
  if (last < text.length) pieces.push({ text: text.slice(last), hidden: false });
  return pieces;
}
