//! Finds where and how well a query matches a text, and which part to show.

use super::{
    query::{Query, Term, signs},
    text::TEXT_BYTES,
    words::words,
};
use std::ops::Range;

/// Characters of a snippet, about.
const SNIPPET_CHARS: usize = 180;
/// Words of a message that are looked at: all of the text that is indexed, of one letter and one blank each.
const WORDS_READ: usize = TEXT_BYTES / 2;
/// Occurrences that are marked or counted.
const OCCURRENCES: usize = 64;
/// BM25: how quickly more of the same stops counting, and how much length counts against a text.
const K1: f64 = 1.2;
const B: f64 = 0.5;
/// An ordinary message, in words.
const ORDINARY_WORDS: f64 = 60.0;

/// The occurrences of a query's terms in one text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Per term: where, in bytes of the composed text, and whether the last word is whole.
    pub(super) places: Vec<Vec<(Range<usize>, bool)>>,
    /// Words in the text.
    length: usize,
    /// The terms stand next to each other somewhere, in the order typed.
    in_a_row: bool,
}

impl Found {
    /// How many terms were found.
    pub(super) fn terms(&self) -> usize {
        self.places.iter().filter(|places| !places.is_empty()).count()
    }

    /// BM25 with the given weight for each term, plus a bonus for terms in a row.
    pub(super) fn score(&self, weights: &[f64]) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let length = self.length as f64 / ORDINARY_WORDS;
        let norm = K1 * (1.0 - B + B * length);
        let mut score = 0.0;
        for (places, weight) in self.places.iter().zip(weights) {
            let frequency: f64 = places
                .iter()
                .map(|(_, whole)| if *whole { 1.0 } else { 0.6 })
                .sum();
            score += weight * frequency * (K1 + 1.0) / (frequency + norm);
        }
        if self.in_a_row { score * 1.5 } else { score }
    }
}

/// Looks for the query's terms in a text that went through [`composed`](super::words::composed).
pub(super) fn find(query: &Query, text: &str) -> Found {
    let mut matchers: Vec<Matcher<'_>> = query.terms.iter().map(Matcher::new).collect();
    let mut length = 0;
    let mut in_a_row = false;
    words(text, |word, at| {
        length += 1;
        // Where the term before ended, if the terms up to it stand in a row.
        let mut row_end: Option<usize> = Some(length);
        for (index, matcher) in matchers.iter_mut().enumerate() {
            let previous = row_end;
            row_end = matcher.row_end;
            let Some(hit) = matcher.feed(text, word, &at) else {
                continue;
            };
            if matcher.places.len() < OCCURRENCES {
                matcher.places.push((hit.start..at.end, hit.whole));
            }
            let follows = index == 0 || previous == Some(length - hit.words);
            matcher.row_end = follows.then_some(length);
            in_a_row |= follows && index > 0 && index + 1 == query.terms.len();
        }
        length < WORDS_READ
    });
    let mut places: Vec<_> = matchers.into_iter().map(|matcher| matcher.places).collect();
    places.extend(query.signs.iter().map(|wanted| signs_in(text, wanted)));
    Found {
        places,
        length,
        in_a_row,
    }
}

/// Where signs stand that were typed without a word.
fn signs_in(text: &str, wanted: &str) -> Vec<(Range<usize>, bool)> {
    let count = wanted.chars().count();
    let Some(first) = wanted.chars().next() else {
        return Vec::new();
    };
    text.char_indices()
        .filter(|(_, c)| signs(c.encode_utf8(&mut [0; 4])).starts_with(first))
        .filter_map(|(at, _)| {
            let end = forward(text, at, count);
            let here = text.get(at..end)?;
            (signs(here) == wanted).then_some((at..end, true))
        })
        .take(OCCURRENCES)
        .collect()
}

/// Follows one term through a text, word by word.
struct Matcher<'a> {
    term: &'a Term,
    /// Phrases that have begun: which spelling, how many words of it, where it started, and where the last word ended.
    begun: Vec<(usize, usize, usize, usize)>,
    places: Vec<(Range<usize>, bool)>,
    /// The word count at which the terms up to this one last stood in a row.
    row_end: Option<usize>,
}

struct Hit {
    start: usize,
    words: usize,
    whole: bool,
}

impl<'a> Matcher<'a> {
    fn new(term: &'a Term) -> Self {
        Self {
            term,
            begun: Vec::new(),
            places: Vec::new(),
            row_end: None,
        }
    }

    fn feed(&mut self, text: &str, word: &str, at: &Range<usize>) -> Option<Hit> {
        let mut hit: Option<Hit> = None;
        let mut going_on = Vec::new();
        let fresh = (0..self.term.spellings.len()).map(|spelling| (spelling, 0, at.start, 0));
        for (spelling, done, start, before) in self.begun.drain(..).chain(fresh) {
            let Some((wanted, words)) = self
                .term
                .spellings
                .get(spelling)
                .and_then(|words| Some((words.get(done)?, words.len())))
            else {
                continue;
            };
            let last = done + 1 == words;
            let whole = word == wanted;
            let begins = last && self.term.prefix && word.starts_with(wanted.as_str());
            if !(whole || begins)
                || !self
                    .term
                    .fits_before(done, text.get(before..at.start).unwrap_or_default())
                || last
                    && !self
                        .term
                        .fits_behind(words, text.get(at.end..).unwrap_or_default())
            {
                continue;
            }
            if !last {
                going_on.push((spelling, done + 1, start, at.end));
            } else if hit.is_none() {
                hit = Some(Hit { start, words, whole });
            }
        }
        self.begun = going_on;
        hit
    }
}

/// A part of the text with most of the terms in it, on one line, and where they are in UTF-16 units.
pub(super) fn snippet(text: &str, found: &Found) -> (String, Vec<(u32, u32)>) {
    let window = window(text, found);
    let mut marks: Vec<Range<usize>> = found
        .places
        .iter()
        .flatten()
        .map(|(at, _)| at.clone())
        .filter(|at| at.start >= window.start && at.end <= window.end)
        .collect();
    marks.sort_by_key(|at| (at.start, at.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for mark in marks {
        match merged.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => merged.push(mark),
        }
    }
    let mut out = String::new();
    let mut units: u32 = 0;
    let mut ranges = Vec::new();
    if window.start > 0 {
        out.push('…');
        units += 1;
    }
    let mut marks = merged.into_iter().peekable();
    let mut open: Option<u32> = None;
    let mut blank = true;
    for (offset, c) in text.get(window.clone()).unwrap_or_default().char_indices() {
        let at = window.start + offset;
        if marks.peek().is_some_and(|mark| at >= mark.end)
            && let (Some(from), Some(_)) = (open.take(), marks.next())
        {
            ranges.push((from, units));
        }
        // Blanks and line breaks become one blank.
        let c = if c.is_whitespace() || c.is_control() {
            ' '
        } else {
            c
        };
        if c == ' ' && blank {
            continue;
        }
        blank = c == ' ';
        if open.is_none() && marks.peek().is_some_and(|mark| mark.contains(&at)) {
            open = Some(units);
        }
        out.push(c);
        units += if c.len_utf16() == 2 { 2 } else { 1 };
    }
    if let Some(from) = open {
        ranges.push((from, units));
    }
    if window.end < text.len() {
        out.push('…');
    }
    (out, ranges)
}

fn window(text: &str, found: &Found) -> Range<usize> {
    let mut events: Vec<(usize, usize)> = found
        .places
        .iter()
        .enumerate()
        .flat_map(|(term, places)| places.iter().map(move |(at, _)| (at.start, term)))
        .collect();
    events.sort_unstable();
    // The start from which a snippet holds the most different terms.
    let mut best = (0, 0);
    for (index, (start, _)) in events.iter().enumerate() {
        let mut seen: u32 = 0;
        let inside = events
            .iter()
            .skip(index)
            .take_while(|(at, _)| at - start < SNIPPET_CHARS * 2 / 3);
        for (_, term) in inside {
            seen |= 1 << (term % 32);
        }
        let count = seen.count_ones();
        if count > best.0 {
            best = (count, *start);
        }
    }
    let lead = SNIPPET_CHARS / 4;
    let mut from = back(text, best.1, lead);
    let mut to = forward(text, from, SNIPPET_CHARS);
    if to == text.len() {
        from = back(text, to, SNIPPET_CHARS).min(from);
    }
    // Not in the middle of a word, where one ends nearby.
    if from > 0
        && let Some(part) = text.get(from..best.1)
        && let Some(gap) = part.find(char::is_whitespace)
    {
        from += gap
            + part
                .get(gap..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8);
    }
    if to < text.len()
        && let Some(part) = text.get(from..to)
        && let Some(gap) = part.rfind(char::is_whitespace)
        && part.len() - gap < 40
        && from + gap > best.1
    {
        to = from + gap;
    }
    from..to
}

fn back(text: &str, at: usize, chars: usize) -> usize {
    text.get(..at)
        .and_then(|before| before.char_indices().rev().nth(chars.saturating_sub(1)))
        .map_or(0, |(at, _)| at)
}

fn forward(text: &str, at: usize, chars: usize) -> usize {
    text.get(at..)
        .and_then(|after| after.char_indices().nth(chars))
        .map_or(text.len(), |(offset, _)| at + offset)
}

#[cfg(test)]
mod tests {
    use super::{super::words::composed, *};

    fn marked(query: &str, text: &str) -> String {
        let text = composed(text);
        let (snippet, marks) = snippet(&text, &find(&Query::parse(query), &text));
        let units: Vec<u16> = snippet.encode_utf16().collect();
        let mut out = String::new();
        let mut at = 0;
        for (from, to) in marks {
            let (from, to) = (from as usize, to as usize);
            out += &String::from_utf16(&units[at..from]).unwrap();
            out += &format!("[{}]", String::from_utf16(&units[from..to]).unwrap());
            at = to;
        }
        out + &String::from_utf16(&units[at..]).unwrap()
    }

    #[test]
    fn marks_what_was_found() {
        for (query, text, expected) in [
            ("wor", "Hello wörld", "Hello [wörld]"),
            ("world ", "worlds world", "worlds [world]"),
            ("数据", "关于数据库的数据", "关于[数据]库的[数据]"),
            ("fox", "🦊🦊 fox 🦊", "🦊🦊 [fox] 🦊"),
            ("a\u{308}pfel", "Äpfel und Birnen", "[Äpfel] und Birnen"),
            (
                "\"quick brown\"",
                "quick fox, quick\n\n  brown",
                "quick fox, [quick brown]",
            ),
            ("one two", "two one", "[two] [one]"),
            ("zzz", "nothing here", "nothing here"),
            ("strasse", "Die Straße", "Die [Straße]"),
        ] {
            assert_eq!(marked(query, text), expected, "{query:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_around_the_hit() {
        let text = format!("{} needle {}", "straw ".repeat(400), "hay ".repeat(400));
        let cut = marked("needle", &text);
        assert!(
            cut.starts_with('…') && cut.ends_with('…') && cut.contains("[needle]"),
            "{cut}"
        );
        assert!(cut.chars().count() < SNIPPET_CHARS + 10);
        let text = "的".repeat(5_000) + "龍" + &"的".repeat(5_000);
        let cut = marked("龍", &text);
        assert!(cut.contains("的[龍]的"), "{cut}");
    }

    #[test]
    fn words_in_a_row_and_whole_words_count_more() {
        let query = Query::parse("data base ");
        let score = |text: &str| find(&query, text).score(&[1.0, 1.0]);
        assert!(score("the data base is here") > score("the base of the data is"));
        let query = Query::parse("data");
        let score = |text: &str| find(&query, text).score(&[1.0]);
        assert!(score("data here") > score("databases here"));
        assert!(score("data data data") > score("data and other"));
        assert_eq!(find(&query, "none").terms(), 0);
    }
}
