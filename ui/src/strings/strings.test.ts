import { describe, expect, test } from "vitest";
import { CATALOGUES, chooseLanguage, LANGUAGES } from ".";
import { en } from "./en";

type Filled = (...marks: number[]) => string;

describe("catalogues", () => {
  test("there is one for every language on offer", () => {
    expect(["en", ...Object.keys(CATALOGUES)].sort()).toEqual(Object.keys(LANGUAGES).sort());
  });

  test.each(Object.keys(CATALOGUES))("%s has every text, none empty, with the same parameters", async (language) => {
    const strings = (await CATALOGUES[language]!()) as unknown as Record<string, unknown>;
    expect(Object.keys(strings).sort()).toEqual(Object.keys(en).sort());
    for (const [key, english] of Object.entries(en as Record<string, unknown>)) {
      const translated = strings[key];
      expect(typeof translated, key).toBe(typeof english);
      if (typeof english === "function" && typeof translated === "function") {
        expect(translated.length, key).toBe(english.length);
        if (key === "listJoin") continue;
        // Every parameter appears in the text.
        const marks = Array.from({ length: english.length }, (_, index) => index + 41);
        const filled = (translated as Filled)(...marks);
        const wanted = (english as Filled)(...marks);
        for (const mark of marks) expect(filled.includes(String(mark)), `${key}: ${mark}`).toBe(wanted.includes(String(mark)));
      } else {
        expect(String(translated).trim(), key).not.toBe("");
      }
    }
  });

  test("German addresses people formally", async () => {
    for (const [key, text] of Object.entries((await CATALOGUES["de"]!()) as unknown as Record<string, unknown>)) {
      expect(String(text), key).not.toMatch(/\b(?:du|dir|dich|dein\w*)\b/i);
    }
  });

  test("texts keep the manners of the house", () => {
    for (const [key, text] of Object.entries(en as Record<string, unknown>)) {
      const words = typeof text === "function" ? String((text as (...args: unknown[]) => unknown)(...(key === "listJoin" ? [["a"]] : ["A", 2]))) : String(text);
      expect(words, key).not.toMatch(/!|\bplease\b|\boops\b|successfully/i);
    }
  });
});

test.each([
  ["system", ["de-AT", "en"], "de"],
  ["system", ["zh-Hans-CN"], "zh-CN"],
  ["system", ["zh-TW", "fr", "ja-JP"], "ja"],
  ["system", ["fr-FR"], "en"],
  ["es", ["de"], "es"],
  ["xx", [], "en"],
])("%s on %j speaks %s", (setting, system, language) => {
  expect(chooseLanguage(setting, system)).toBe(language);
});
