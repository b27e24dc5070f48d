//! Separates a model's reasoning from its answer where a server writes both into one text:
//! `<think>…</think>` before the answer.

/// Names of the tag.
const NAMES: [&str; 3] = ["think", "thinking", "reasoning"];

/// A part of what a model said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Reasoning.
    Thinking(String),
    /// The answer.
    Text(String),
}

/// Splits a text that comes in pieces. A tag may be cut over pieces. Only a tag that begins the answer counts: an answer
/// that speaks of such tags is left as it is.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    /// What may still become a tag, and the blanks before it.
    held: String,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing but blanks has come.
    #[default]
    Start,
    /// Between the tags of this name.
    Inside(&'static str),
    /// Behind the end tag; blanks are dropped.
    After,
    /// In the answer.
    Answer,
}

impl Splitter {
    /// Takes the next piece and gives what is certain by now.
    pub fn push(&mut self, piece: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.state == State::Answer {
            if !piece.is_empty() {
                parts.push(Part::Text(piece.to_owned()));
            }
            return parts;
        }
        self.held.push_str(piece);
        loop {
            let before = (self.state, self.held.len());
            match self.state {
                State::Start => self.start(),
                State::Inside(name) => self.inside(name, &mut parts),
                State::After => self.after(),
                State::Answer => {
                    if !self.held.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut self.held)));
                    }
                }
            }
            if before == (self.state, self.held.len()) {
                return parts;
            }
        }
    }

    /// The text has ended: gives what was held back.
    pub fn finish(&mut self) -> Option<Part> {
        let held = std::mem::take(&mut self.held);
        let state = std::mem::replace(&mut self.state, State::Answer);
        if held.is_empty() {
            return None;
        }
        match state {
            State::Inside(_) => Some(Part::Thinking(held)),
            State::After => None,
            State::Start | State::Answer => Some(Part::Text(held)),
        }
    }

    fn start(&mut self) {
        let text = self.held.trim_start();
        let blanks = self.held.len() - text.len();
        let tags = NAMES.map(|name| (name, format!("<{name}>")));
        if let Some((name, tag)) = tags.iter().find(|(_, tag)| text.starts_with(tag.as_str())) {
            let end = blanks + tag.len();
            self.held.drain(..end);
            self.state = State::Inside(name);
        } else if !tags.iter().any(|(_, tag)| tag.starts_with(text)) {
            self.state = State::Answer;
        }
    }

    fn inside(&mut self, name: &str, parts: &mut Vec<Part>) {
        let tag = format!("</{name}>");
        let (said, rest, ended) = match self.held.find(&tag) {
            Some(at) => (at, at + tag.len(), true),
            // The end of what came may be the beginning of the tag.
            None => {
                let cut = (1..tag.len())
                    .rev()
                    .find(|len| tag.get(..*len).is_some_and(|begin| self.held.ends_with(begin)))
                    .unwrap_or_default();
                let said = self.held.len() - cut;
                (said, said, false)
            }
        };
        let thinking = self.held.get(..said).unwrap_or_default().to_owned();
        self.held.drain(..rest);
        if !thinking.is_empty() {
            parts.push(Part::Thinking(thinking));
        }
        if ended {
            self.state = State::After;
        }
    }

    fn after(&mut self) {
        let blanks = self.held.len() - self.held.trim_start().len();
        self.held.drain(..blanks);
        if !self.held.is_empty() {
            self.state = State::Answer;
        }
    }
}

/// A whole text's reasoning and answer.
#[must_use]
pub fn split(text: &str) -> (String, String) {
    let mut splitter = Splitter::default();
    let (mut thinking, mut answer) = (String::new(), String::new());
    let parts = splitter.push(text);
    for part in parts.into_iter().chain(splitter.finish()) {
        match part {
            Part::Thinking(more) => thinking.push_str(&more),
            Part::Text(more) => answer.push_str(&more),
        }
    }
    (thinking, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(&str, &str, &str); 11] = [
        ("<think>plan</think>Hello", "plan", "Hello"),
        ("\n<think>\nplan < 3\n</think>\n\nHello", "\nplan < 3\n", "Hello"),
        ("<thinking>a</think>b</thinking>c", "a</think>b", "c"),
        ("<reasoning>a</reasoning>b", "a", "b"),
        ("<think></think>b", "", "b"),
        ("<think>cut off", "cut off", ""),
        ("Use <think>x</think> tags", "", "Use <think>x</think> tags"),
        ("<thin air>", "", "<thin air>"),
        ("<thi", "", "<thi"),
        ("  indented", "", "  indented"),
        ("", "", ""),
    ];

    /// In whole pieces, and cut at any two places.
    #[test]
    fn reasoning_is_apart_from_the_answer_however_it_is_cut() {
        for (text, thinking, answer) in CASES {
            let wanted = (thinking.to_owned(), answer.to_owned());
            assert_eq!(split(text), wanted, "{text:?}");
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let (mut splitter, mut got) = (Splitter::default(), (String::new(), String::new()));
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    let mut parts: Vec<Part> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
                    parts.extend(splitter.finish());
                    for part in parts {
                        match part {
                            Part::Thinking(more) => got.0.push_str(&more),
                            Part::Text(more) => got.1.push_str(&more),
                        }
                    }
                    assert_eq!(got, wanted, "{pieces:?}");
                }
            }
        }
    }

    #[test]
    fn an_answer_is_given_as_it_comes() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push("Hel"), [Part::Text("Hel".to_owned())]);
        assert_eq!(splitter.push("lo"), [Part::Text("lo".to_owned())]);
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push("<thi"), []);
        assert_eq!(splitter.push("nk>plan"), [Part::Thinking("plan".to_owned())]);
        assert_eq!(splitter.push("</think> Hi"), [Part::Text("Hi".to_owned())]);
    }
}
