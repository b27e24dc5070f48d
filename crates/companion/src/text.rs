//! Small cuts of text, always on character boundaries.

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
        assert_eq!(capitalised("telegram"), "Telegram");
        assert_eq!(capitalised(""), "");
    }
}
