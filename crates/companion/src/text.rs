//! Short cuts of text, always at character boundaries.

use pulldown_cmark::{Event, Options, Parser, TagEnd};

/// The text on one line, at most `limit` characters, with an ellipsis where it was cut.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, word) in text.split_whitespace().enumerate() {
        if count > 0 {
            out.push(' ');
        }
        out.push_str(word);
        if out.chars().count() > limit {
            let mut cut: String = out.chars().take(limit.saturating_sub(1)).collect();
            cut.truncate(cut.trim_end().len());
            cut.push('…');
            return cut;
        }
    }
    out
}

/// Markdown as one line of plain words, at most `limit` characters: what a notification or a list shows of a reply.
#[must_use]
pub fn plain_line(markdown: &str, limit: usize) -> String {
    // Marks are a small part of a text: this much of the source fills the line, and a long reply costs no more.
    let end = markdown
        .char_indices()
        .nth(limit.saturating_mul(8))
        .map_or(markdown.len(), |(at, _)| at);
    let source = markdown.get(..end).unwrap_or(markdown);
    let mut words = String::with_capacity(source.len());
    for event in Parser::new_ext(source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                words.push_str(&text);
            }
            Event::Start(tag) if !is_inline(&tag.to_end()) => words.push(' '),
            Event::End(tag) if !is_inline(&tag) => words.push(' '),
            Event::SoftBreak | Event::HardBreak | Event::Rule => words.push(' '),
            Event::Start(_)
            | Event::End(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }
    one_line(&words, limit)
}

const fn is_inline(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}

/// Whether nobody can see a character, or it changes what is seen of others: controls, zero-width and bidirectional
/// marks, fillers, and blanks that are not the usual one.
fn is_invisible(character: char) -> bool {
    if character == ' ' {
        return false;
    }
    character.is_control()
        || character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a letter belongs to a script that is written from right to left; it would reorder what stands around it.
const fn is_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}')
}

/// The text on one line, at most `limit` characters, with what nobody can see spelled out as `U+202E`. For a text that a
/// person decides on.
#[must_use]
pub fn visible_line(text: &str, limit: usize) -> String {
    let mut spelled = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    // Each character gives at least one.
    for character in text.chars().take(limit.saturating_add(1)) {
        if is_invisible(character) {
            spelled.push_str(&format!("U+{:04X}", u32::from(character)));
        } else {
            spelled.push(character);
        }
    }
    one_line(&spelled, limit)
}

/// Whether any place shows this text as it is: at most `limit` characters on one line, all of them visible, in their
/// order, and no two blanks that a place may draw as one.
#[must_use]
pub fn is_shown_unchanged(text: &str, limit: usize) -> bool {
    let plain = |character: char| {
        character == ' '
            || character.is_ascii_graphic()
            || (character.is_alphanumeric() && !is_invisible(character) && !is_right_to_left(character))
    };
    !text.is_empty()
        && text.chars().count() <= limit
        && text.trim() == text
        && !text.contains("  ")
        && text.chars().all(plain)
}

/// Capital first letter.
#[must_use]
pub fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_on_characters_and_says_so() {
        for (text, limit, expected) in [
            ("one\n two\tthree", 40, "one two three"),
            ("one two three", 8, "one two…"),
            ("äöü ß", 3, "äö…"),
            ("", 3, ""),
        ] {
            assert_eq!(one_line(text, limit), expected);
        }
        for (markdown, expected) in [
            (
                "> You asked\n\nI am the **demo** _agent_.",
                "You asked I am the demo agent.",
            ),
            (
                "```rust\nlet a = 1;\n```\n- one\n- [two](https://example.org)",
                "let a = 1; one two",
            ),
            ("| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"),
            ("a < b & `c`", "a < b & c"),
            ("5 * 3 * 2 and snake_case_name", "5 * 3 * 2 and snake_case_name"),
        ] {
            assert_eq!(plain_line(markdown, 80), expected, "{markdown}");
        }
        assert_eq!(plain_line(&"word ".repeat(10_000), 9), "word wor…");
        assert_eq!(capitalised("telegram"), "Telegram");
        assert_eq!(capitalised(""), "");
    }

    #[test]
    fn only_a_plain_short_line_is_shown_unchanged_everywhere() {
        for (text, expected) in [
            ("rm -rf /tmp/x", true),
            ("grep -c 'a|b' < \"my file\" > ~/out && echo $? #1", true),
            ("cat größe.txt 文档.txt отчёт.txt", true),
            ("", false),
            ("ls\nrm -rf ~", false),
            ("ls\trm", false),
            ("ls  rm", false),
            (" ls", false),
            ("echo \u{202e}fdp.exe", false),
            ("ls\u{200b}", false),
            ("ls\u{a0}-la", false),
            ("ls\u{2800}", false),
            ("ls \u{3164}", false),
            ("ls \u{e0041}", false),
            ("echo \u{5d0} ; rm -rf ~", false),
            ("echo …", false),
        ] {
            assert_eq!(
                is_shown_unchanged(text, 40),
                expected && text.chars().count() <= 40,
                "{text:?}"
            );
            assert_eq!(is_shown_unchanged(text, 120), expected, "{text:?}");
        }
        assert!(is_shown_unchanged(&"x".repeat(120), 120));
        assert!(!is_shown_unchanged(&"x".repeat(121), 120));
    }

    #[test]
    fn what_nobody_can_see_is_spelled_out() {
        for (text, limit, expected) in [
            ("echo \u{202e}fdp.exe", 80, "echo U+202Efdp.exe"),
            ("ls\nrm -rf ~", 80, "lsU+000Arm -rf ~"),
            ("a\u{a0}b  c", 80, "aU+00A0b c"),
            ("one two three", 8, "one two…"),
        ] {
            assert_eq!(visible_line(text, limit), expected);
        }
        assert_eq!(
            visible_line(&"\u{200b}".repeat(100_000), 300).chars().count(),
            300
        );
    }
}
