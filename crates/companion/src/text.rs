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
}
