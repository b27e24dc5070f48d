//! Splits text into words, the same way for the index and for queries.
//!
//! SQLite's tokenizers either keep a run of Chinese as one word or need three characters for a
//! search. So words are made here. Letters are folded (case, width, accents; ß becomes ss). In a
//! script without spaces, every character is a word. The index only splits at blanks. The query
//! `数据` is then the phrase `数 据`, and a single character works like any other word.

use std::{borrow::Cow, ops::Range};
use unicode_normalization::{IsNormalized, UnicodeNormalization, char::is_combining_mark, is_nfc_quick};

/// Longer words (encoded data) are cut here, in the index and in queries.
const WORD_CHARS: usize = 40;

/// The text as the index sees it: composed characters, so that positions agree.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    // The sound marks of half-width kana are characters of their own, which only the compatible form puts together.
    if text.contains(['\u{ff9e}', '\u{ff9f}']) {
        return Cow::Owned(text.nfkc().collect());
    }
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of a word.
    Letter,
    /// A word of its own.
    Single,
    /// Between words.
    Gap,
}

/// Calls `each` with every folded word and its place in the text, in bytes. Stops when `each` answers `false`.
pub(super) fn words(text: &str, mut each: impl FnMut(&str, Range<usize>) -> bool) {
    let mut folded = String::new();
    let mut start: Option<usize> = None;
    let mut ascii = true;
    let ends = text
        .char_indices()
        .map(|(at, c)| (at, Some(c)))
        .chain([(text.len(), None)]);
    for (at, c) in ends {
        let kind = c.map_or(Kind::Gap, kind);
        if kind == Kind::Letter {
            if start.is_none() {
                start = Some(at);
                ascii = true;
            }
            ascii &= c.is_some_and(|c| c.is_ascii());
            continue;
        }
        if let Some(from) = start.take()
            && let Some(word) = text.get(from..at)
        {
            folded.clear();
            fold_word(word, ascii, &mut folded);
            if !folded.is_empty() && !each(&folded, from..at) {
                return;
            }
        }
        if let (Kind::Single, Some(c)) = (kind, c) {
            let range = at..at + c.len_utf8();
            for c in std::iter::once(c).nfkc().filter(|c| self::kind(*c) != Kind::Gap) {
                folded.clear();
                folded.push(c);
                if !each(&folded, range.clone()) {
                    return;
                }
            }
        }
    }
}

/// Whether a folded word is one character of a script without spaces.
pub(super) fn is_single(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| kind(c) == Kind::Single) && chars.next().is_none()
}

fn fold_word(word: &str, ascii: bool, out: &mut String) {
    if ascii {
        out.extend(word.chars().take(WORD_CHARS).map(|c| c.to_ascii_lowercase()));
        return;
    }
    let mut count = 0;
    for c in word.nfkc().flat_map(char::to_lowercase).nfd() {
        let base = match c {
            'ß' => "ss",
            'æ' => "ae",
            'œ' => "oe",
            'ø' => "o",
            'đ' | 'ð' => "d",
            'ł' => "l",
            'þ' => "th",
            'ı' => "i",
            _ => "",
        };
        if !base.is_empty() {
            out.push_str(base);
        } else if !is_accent(c) && kind(c) != Kind::Gap {
            out.push(c);
        }
        count += 1;
        if count >= WORD_CHARS {
            break;
        }
    }
}

/// Marks that people leave out when they search: Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowels. The
/// marks of Indic scripts are vowels and stay.
fn is_accent(c: char) -> bool {
    matches!(u32::from(c),
        0x0300..=0x036F | 0x0483..=0x0487 | 0x0591..=0x05C7 | 0x0610..=0x061A | 0x0640 | 0x064B..=0x065F
        | 0x0670 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() {
            Kind::Letter
        } else {
            Kind::Gap
        };
    }
    match u32::from(c) {
        // Variation selectors and the tags that the index keeps beside the text.
        0xFE00..=0xFE0F | 0xE000..=0xF8FF | 0xF_0000.. => Kind::Gap,
        // Thai, Lao, Myanmar, Khmer; Han, kana, bopomofo, Hangul; pictographs.
        0x0E00..=0x0EFF
        | 0x1000..=0x109F
        | 0x1100..=0x11FF
        | 0x1780..=0x17FF
        | 0x2600..=0x27BF
        | 0x2E80..=0x2FDF
        | 0x3005..=0x3007
        | 0x3041..=0x3096
        | 0x3099..=0x309A
        | 0x309D..=0x309F
        | 0x30A1..=0x30FA
        | 0x30FC..=0x30FF
        | 0x3105..=0x318F
        | 0x31A0..=0x31BF
        | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7FB
        | 0xF900..=0xFAFF
        | 0xFF66..=0xFF9F
        | 0x1_B000..=0x1_B16F
        | 0x1_F000..=0x1_FAFF
        | 0x2_0000..=0x3_FFFD => Kind::Single,
        _ if c.is_alphanumeric() || is_combining_mark(c) => Kind::Letter,
        _ => Kind::Gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        words(&composed(text), |word, _| {
            out.push(word.to_owned());
            true
        });
        out
    }

    #[test]
    fn folds_and_splits() {
        for (text, expected) in [
            ("Hello, World!", "hello world"),
            ("snake_case foo-bar v2026.9", "snake case foo bar v2026 9"),
            ("Müller Straße ÉCOLE Ærø Łódź", "muller strasse ecole aero lodz"),
            ("Mu\u{308}ller", "muller"),
            ("数据库 schema", "数 据 库 schema"),
            ("使用SQLite存储", "使 用 sqlite 存 储"),
            ("東京タワー ｱｲｳ", "東 京 タ ワ ー ア イ ウ"),
            ("ﾊﾞｯｸ", "バ ッ ク"),
            ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
            ("한국어", "한 국 어"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("สวัสดี", "ส ว ั ส ด ี"),
            ("Ёлка", "елка"),
            ("नमस्ते", "नमस्ते"),
            ("ship it 🚀", "ship it 🚀"),
            ("…—\"'*()^:", ""),
            ("", ""),
            ("\u{f0001}tag", "tag"),
        ] {
            assert_eq!(split(text).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn places_point_into_the_text() {
        let text = "Größe: 数据!";
        let mut places = Vec::new();
        words(text, |word, at| {
            places.push((word.to_owned(), text[at].to_owned()));
            true
        });
        assert_eq!(
            places,
            [("grosse", "Größe"), ("数", "数"), ("据", "据")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[test]
    fn a_long_word_is_cut_the_same_everywhere() {
        let long = "x".repeat(500);
        assert_eq!(split(&long), ["x".repeat(40)]);
        let long = "é".repeat(500);
        assert!(split(&long)[0].chars().count() <= 40);
    }
}
