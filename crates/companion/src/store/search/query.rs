//! Turns the typed query into terms. No input is an error.

use super::words::{composed, is_single, words};

/// More terms than that are ignored.
const TERMS: usize = 12;
/// Words per term (a quoted sentence).
const WORDS: usize = 32;

/// The index keeps lists for beginnings of up to so many characters. A longer one makes SQLite merge the lists of all
/// words that begin so, which takes long when there are many.
const LISTED_CHARS: usize = 4;

/// How close the index keeps to what was typed. Either way, matches are checked against the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// A long beginning is cut to what the index keeps a list for.
    Loose,
    /// As typed.
    Exact,
}

/// All terms must be found in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) terms: Vec<Term>,
    /// Signs that were typed without a word (`->`, `&&`), as [`signs`] writes them.
    pub(super) signs: Vec<String>,
}

/// Words next to each other, in one of several spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Each spelling is a row of words. The first is the one typed.
    pub(super) spellings: Vec<Vec<String>>,
    /// The last word may go on: it is still being typed.
    pub(super) prefix: bool,
    /// The signs before the first word, between the words and behind the last one, as [`signs`] writes them. Where none
    /// were typed, any may stand.
    pub(super) signs: Vec<String>,
}

/// Signs in one form: the typographic ones as they are typed, blanks as one, and nothing that cannot be seen.
pub(super) fn signs(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '’' | '‘' | '´' | '`' => out.push('\''),
            '‐' | '‑' | '–' | '—' | '−' => out.push('-'),
            '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => {}
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    out
}

impl Query {
    /// Reads what was typed. Blanks separate terms, double quotes hold them together; the last word is taken as the
    /// beginning of one unless a blank or a quote ends it.
    pub(super) fn parse(typed: &str) -> Self {
        let typed = composed(typed);
        let mut terms: Vec<Term> = Vec::new();
        let mut alone: Vec<String> = Vec::new();
        for (place, part) in typed.split(['"', '“', '”', '„', '«', '»']).enumerate() {
            let quoted = place % 2 == 1;
            let last = typed.ends_with(part) && !typed.ends_with(char::is_whitespace);
            if quoted {
                terms.extend(Term::new(part, last));
                continue;
            }
            let mut chunks = part.split_whitespace().peekable();
            while let Some(chunk) = chunks.next() {
                let term = Term::new(chunk, last && chunks.peek().is_none());
                // A single sign among words is punctuation of the person who types.
                if term.is_none() && chunk.chars().nth(1).is_some() {
                    alone.push(signs(chunk));
                }
                terms.extend(term);
            }
        }
        terms.truncate(TERMS);
        alone.truncate(TERMS);
        Self { terms, signs: alone }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.signs.is_empty()
    }

    /// What has to be found in a message: words and signs.
    pub(super) fn parts(&self) -> usize {
        self.terms.len() + self.signs.len()
    }

    /// The query in the index's language. Words hold only letters and digits, so quoting them is safe.
    pub(super) fn expression(&self, reach: Reach) -> String {
        let indexed = self.terms.iter().filter(|term| term.is_indexed());
        indexed
            .map(|term| term.expression(reach))
            .collect::<Vec<_>>()
            .join(" AND ")
    }

    /// Whether the loose expression matches more than what was typed.
    pub(super) fn can_be_loose(&self) -> bool {
        self.terms.iter().any(Term::can_be_loose)
    }

    /// The whole query as one phrase, when it has several plain words.
    pub(super) fn as_phrase(&self) -> Option<Term> {
        if self.terms.len() < 2 {
            return None;
        }
        let words: Vec<String> = self
            .terms
            .iter()
            .filter_map(|term| term.spellings.first())
            .flatten()
            .cloned()
            .collect();
        let prefix = self.terms.last().is_some_and(|term| term.prefix);
        Some(Term {
            spellings: vec![words],
            prefix,
            signs: Vec::new(),
        })
    }
}

impl Term {
    fn new(text: &str, prefix: bool) -> Option<Self> {
        let mut typed = Vec::new();
        let mut umlauts = false;
        let mut gaps = Vec::new();
        let mut end = 0;
        words(text, |word, at| {
            let gap = signs(text.get(end..at.start).unwrap_or_default());
            gaps.push(if gap == " " { String::new() } else { gap });
            end = at.end;
            umlauts |= text
                .get(at)
                .is_some_and(|word| word.chars().any(|c| "äöüÄÖÜ".contains(c)));
            typed.push(word.to_owned());
            typed.len() < WORDS
        });
        let last = typed.last()?;
        let tail = if typed.len() < WORDS {
            text.get(end..).unwrap_or_default()
        } else {
            ""
        };
        // A character of a script without spaces is whole as soon as it is there, and a word with a sign behind it.
        let prefix = prefix && !is_single(last) && tail.is_empty();
        gaps.push(signs(tail.trim_end()));
        if let Some(lead) = gaps.first_mut() {
            *lead = lead.trim_start().to_owned();
        }
        let mut spellings = vec![typed];
        if let Some([word]) = spellings.first().map(Vec::as_slice)
            && let Some(other) = other_spelling(word, text, umlauts, prefix)
        {
            spellings.push(vec![other]);
        }
        Some(Self {
            spellings,
            prefix,
            signs: gaps,
        })
    }

    /// Whether the signs that were typed before a word (0 is the first one) are those that stand there.
    pub(super) fn fits_before(&self, word: usize, between: &str) -> bool {
        let wanted = self.signs.get(word).map(String::as_str).unwrap_or_default();
        if wanted.is_empty() {
            return true;
        }
        if word == 0 {
            let from = back(between, between.len(), 2 * wanted.chars().count());
            return signs(between.get(from..).unwrap_or_default()).ends_with(wanted);
        }
        signs(between) == wanted
    }

    /// Whether the signs that were typed behind the last word stand there.
    pub(super) fn fits_behind(&self, words: usize, after: &str) -> bool {
        let wanted = self.signs.get(words).map(String::as_str).unwrap_or_default();
        let next: String = after.chars().take(2 * wanted.chars().count()).collect();
        signs(&next).starts_with(wanted)
    }

    /// One letter as a beginning would match nearly everything, and the index keeps no list for it: such a term is only
    /// checked against the text.
    pub(super) fn is_indexed(&self) -> bool {
        !(self.prefix
            && self
                .spellings
                .iter()
                .any(|words| words.len() == 1 && is_short(words)))
    }

    fn can_be_loose(&self) -> bool {
        let long = |words: &Vec<String>| words.last().is_some_and(|word| cut(word).len() < word.len());
        self.prefix && self.spellings.iter().any(long)
    }

    pub(super) fn expression(&self, reach: Reach) -> String {
        let phrase = |words: &Vec<String>| match words.split_last() {
            // The beginning of a last word that is one letter long is checked against the text alone.
            Some((_, rest)) if self.prefix && is_short(words) => format!("\"{}\"", rest.join(" ")),
            Some((last, rest)) if self.prefix && reach == Reach::Loose => {
                let words: Vec<&str> = rest.iter().map(String::as_str).chain([cut(last)]).collect();
                format!("\"{}\" *", words.join(" "))
            }
            _ if self.prefix => format!("\"{}\" *", words.join(" ")),
            _ => format!("\"{}\"", words.join(" ")),
        };
        match self.spellings.as_slice() {
            [one] => phrase(one),
            several => format!(
                "({})",
                several.iter().map(phrase).collect::<Vec<_>>().join(" OR ")
            ),
        }
    }
}

fn back(text: &str, at: usize, chars: usize) -> usize {
    text.get(..at)
        .and_then(|before| before.char_indices().rev().nth(chars.saturating_sub(1)))
        .map_or(0, |(at, _)| at)
}

fn cut(word: &str) -> &str {
    word.char_indices()
        .nth(LISTED_CHARS)
        .and_then(|(end, _)| word.get(..end))
        .unwrap_or(word)
}

fn is_short(words: &[String]) -> bool {
    words.last().is_some_and(|word| word.chars().nth(1).is_none())
}

/// German: who types `mueller` finds `Müller`, and the other way round.
fn other_spelling(word: &str, typed: &str, umlauts: bool, prefix: bool) -> Option<String> {
    if umlauts {
        let mut long = String::new();
        for c in typed.chars() {
            match c {
                'ä' | 'Ä' => long.push_str("ae"),
                'ö' | 'Ö' => long.push_str("oe"),
                'ü' | 'Ü' => long.push_str("ue"),
                'ß' => long.push_str("ss"),
                c => long.extend(c.to_lowercase()),
            }
        }
        return (long != word && long.chars().all(char::is_alphanumeric)).then_some(long);
    }
    let short = word.replace("ae", "a").replace("oe", "o").replace("ue", "u");
    // Half-typed short words would bring in too much: `due` is not `du…`.
    (short != word && (!prefix || short.len() >= 4)).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_type() {
        for (typed, expected) in [
            ("hello", "\"hello\" *"),
            ("hello ", "\"hello\""),
            ("Hello wor", "\"hello\" AND \"wor\" *"),
            ("\"exact words\"", "\"exact words\""),
            ("\"exact words", "\"exact words\" *"),
            (
                "say \"exact words\" again",
                "\"say\" AND \"exact words\" AND \"again\" *",
            ),
            ("数据", "\"数 据\""),
            ("数", "\"数\""),
            ("数据 lib", "\"数 据\" AND \"lib\" *"),
            ("foo-bar", "\"foo bar\" *"),
            ("foo-b", "\"foo\""),
            // A sign behind a word ends it, so that a single letter is a word of the index.
            ("C++", "\"c\""),
            (".env", "\"env\" *"),
            ("node_modules/", "\"node modules\""),
            ("->", ""),
            ("müller", "(\"muller\" * OR \"mueller\" *)"),
            ("mueller ", "(\"mueller\" OR \"muller\")"),
            ("due", "\"due\" *"),
            ("a", ""),
            ("a ", "\"a\""),
            ("big a", "\"big\""),
            ("", ""),
            ("\"", ""),
            ("\"\"\"", ""),
            ("AND OR NOT NEAR", "\"and\" AND \"or\" AND \"not\" AND \"near\" *"),
            (
                "text:foo* ^bar (baz) -x + {y} \\ ' ;",
                "\"text foo\" AND \"bar\" AND \"baz\" AND \"x\" AND \"y\"",
            ),
        ] {
            assert_eq!(
                Query::parse(typed).expression(Reach::Exact),
                expected,
                "{typed:?}"
            );
        }
        for (typed, expected) in [
            ("conv", "\"conv\" *"),
            ("convert", "\"conv\" *"),
            ("convert ", "\"convert\""),
            ("the convert", "\"the\" AND \"conv\" *"),
            ("foo-convert", "\"foo conv\" *"),
            ("überprüf", "(\"uber\" * OR \"uebe\" *)"),
        ] {
            let query = Query::parse(typed);
            assert_eq!(query.expression(Reach::Loose), expected, "{typed:?}");
            assert_eq!(
                query.can_be_loose(),
                query.expression(Reach::Exact) != expected,
                "{typed:?}"
            );
        }
        assert!(Query::parse("a").terms.len() == 1, "checked against the text");
        assert!(Query::parse(" . ").is_empty());
        assert_eq!(Query::parse(&"w ".repeat(100)).terms.len(), TERMS);
    }
}
