import { signal } from "@preact/signals";
import { en, type Strings } from "./en";

export type { Strings };

/** The other languages are loaded when they are wanted. */
export const CATALOGUES: Record<string, () => Promise<Strings>> = {
  de: async () => (await import("./de")).de,
  es: async () => (await import("./es")).es,
  "zh-CN": async () => (await import("./zh")).zh,
  ja: async () => (await import("./ja")).ja,
};

/** Languages that have a catalogue, with their own names. */
export const LANGUAGES: Record<string, string> = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  "zh-CN": "简体中文",
  ja: "日本語",
};

const current = signal<{ strings: Strings; locale: string }>({ strings: en, locale: "en" });

/** The catalogue in force. Reading it in a component draws the component again when the language changes. */
export function t(): Strings {
  return current.value.strings;
}

/** The locale for dates and numbers. */
export function locale(): string {
  return current.value.locale;
}

/** The language to use for a setting (`system` or a tag) on a system with these languages. */
export function chooseLanguage(setting: string, system: readonly string[]): string {
  const wanted = setting === "system" || setting === "" ? system : [setting];
  for (const tag of wanted) {
    const lower = tag.toLowerCase();
    if (lower === "zh" || lower.startsWith("zh-cn") || lower.startsWith("zh-sg") || lower.startsWith("zh-hans")) return "zh-CN";
    const base = lower.split("-")[0] ?? "";
    if (base !== "zh" && base in LANGUAGES) return base;
  }
  return "en";
}

/** Numbers and dates follow the system's region when it speaks the chosen language (en-GB, de-AT). */
function regional(language: string, system: readonly string[]): string {
  const base = language.split("-")[0];
  return system.find((tag) => tag.split("-")[0] === base) ?? language;
}

export async function useLanguage(setting: string, system: readonly string[] = navigator.languages): Promise<void> {
  const language = chooseLanguage(setting, system);
  const strings = (await CATALOGUES[language]?.()) ?? en;
  document.documentElement.lang = language;
  current.value = { strings, locale: regional(language, system) };
}
