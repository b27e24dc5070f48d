import type { ConnectionView } from "../api/ConnectionView";
import type { ConnectionWord } from "../api/ConnectionWord";
import type { Strings } from "../strings";

/** The state in one or two words, for the footer. */
export function connectionWord(word: ConnectionWord, words: Strings): string {
  const table: Record<ConnectionWord, string> = {
    none: words.wordNone,
    connecting: words.wordConnecting,
    ready: words.wordReady,
    offline: words.wordOffline,
    "soon-back": words.wordSoonBack,
    pairing: words.wordPairing,
    "sign-in": words.wordSignIn,
    "rate-limited": words.wordRateLimited,
    "protocol-mismatch": words.wordProtocol,
    insecure: words.wordInsecure,
    "keychain-locked": words.wordKeychain,
    "keychain-unreadable": words.wordKeychainUnreadable,
    "user-offline": words.wordUserOffline,
    refused: words.wordRefused,
  };
  return table[word];
}

/** The app's own sentence about the connection, where it is in the language of the page. */
export function ownSentence(connection: ConnectionView, locale: string): string | undefined {
  const base = (tag: string): string => tag.split("-")[0] ?? "";
  return connection.sentence !== "" && base(connection.language) === base(locale) ? connection.sentence : undefined;
}

/** One sentence about the connection. The app's own knows more. */
export function connectionSentence(connection: ConnectionView, words: Strings, locale: string): string {
  const own = ownSentence(connection, locale);
  if (own !== undefined) return own;
  const name = connection.gateway;
  const table: Record<ConnectionWord, string> = {
    none: words.saysNone,
    connecting: words.saysConnecting(name),
    ready: "",
    offline: words.saysOffline(name),
    "soon-back": words.saysSoonBack(name),
    pairing: words.saysPairing(name),
    "sign-in": words.saysSignIn,
    "rate-limited": words.saysRateLimited(name),
    "protocol-mismatch": words.saysProtocol(name),
    insecure: words.saysInsecure(name),
    "keychain-locked": words.saysKeychain,
    "keychain-unreadable": words.saysKeychainUnreadable,
    "user-offline": words.saysUserOffline,
    refused: words.saysRefused(name),
  };
  return table[connection.word];
}
