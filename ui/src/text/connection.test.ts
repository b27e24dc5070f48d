import { expect, test } from "vitest";
import { READY } from "../host/fake/parts";
import { de } from "../strings/de";
import { en } from "../strings/en";
import { connectionSentence, ownSentence } from "./connection";

test("the app's own sentence is shown where it is in the page's language", () => {
  const german = { ...READY, word: "sign-in" as const, sentence: "Das Passwort für Home ist ungültig.", language: "de" };
  expect(connectionSentence(german, de, "de-AT")).toBe("Das Passwort für Home ist ungültig.");
  expect(connectionSentence(german, en, "en-GB")).toBe(en.saysSignIn);
  expect(ownSentence({ ...german, language: "zh-CN" }, "zh")).toBe(german.sentence);
  expect(ownSentence({ ...german, sentence: "" }, "de")).toBeUndefined();
});
