//! Draws Markdown on a terminal while it streams.
//!
//! A reply is drawn again and again from its start, up to a point that later text cannot change.
//! Only the new end is printed. Lines are not wrapped: the terminal does that, and copied text
//! stays whole.

use crate::term::harmless;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

const RESET: &str = "\x1b[0m";

/// Draws a reply piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    printed: String,
}

impl Stream {
    /// What to print now that the reply is this long. `done` draws the rest.
    pub(crate) fn more(&mut self, source: &str, done: bool) -> String {
        let source = harmless(source);
        let stable = if done {
            source.as_str()
        } else {
            source.get(..stable_len(&source)).unwrap_or_default()
        };
        let drawn = render(stable);
        let common = common_prefix(&self.printed, &drawn);
        if common == drawn.len() && !done {
            // Nothing new that is certain.
            return String::new();
        }
        let mut new = drawn.get(common..).unwrap_or_default().to_owned();
        if common < self.printed.len() {
            // What is above looks different now (a line of dashes made a heading of it), and cannot be taken back: the
            // line is drawn again.
            let line = drawn
                .get(..common)
                .and_then(|same| same.rfind('\n'))
                .map_or(0, |end| end + 1);
            new = format!("\n{}", drawn.get(line..).unwrap_or_default());
        }
        self.printed = drawn;
        new
    }
}

fn common_prefix(a: &str, b: &str) -> usize {
    let mut common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !(a.is_char_boundary(common) && b.is_char_boundary(common)) {
        common -= 1;
    }
    common
}

/// How much of an unfinished text can be drawn for good, in bytes.
fn stable_len(source: &str) -> usize {
    let mut stable = 0;
    let mut offset = 0;
    let mut fence: Option<String> = None;
    for line in source.split_inclusive('\n') {
        let whole = line.ends_with('\n');
        let text = line.trim();
        let start = offset;
        offset += line.len();
        if let Some(open) = &fence {
            if whole {
                stable = offset;
                if text.starts_with(open.as_str()) {
                    fence = None;
                }
            }
            continue;
        }
        if text.starts_with("```") || text.starts_with("~~~") {
            if whole {
                fence = Some(text.chars().take(3).collect());
                stable = offset;
            }
            continue;
        }
        if text.contains('|') {
            // Perhaps a table, whose columns are as wide as its widest row.
            if !whole {
                return stable;
            }
            continue;
        }
        if whole {
            // A paragraph's markup may go on over its lines.
            if text.is_empty() || !open_markup(source.get(stable..offset).unwrap_or_default()) {
                stable = offset;
            }
            continue;
        }
        let plain = text.starts_with(|c: char| c.is_alphabetic())
            || (text.starts_with("- ") || text.starts_with("* ")) && text.len() > 3;
        if plain && stable == start {
            // Up to the last word that no open markup reaches into.
            let indent = line.len() - line.trim_start().len();
            let content = if text.starts_with(['-', '*']) {
                indent + 2
            } else {
                indent
            };
            let mut words = line.char_indices().filter(|(_, c)| *c == ' ').map(|(i, _)| i);
            while let Some(end) = words.next_back() {
                // An item's sign alone could still become something else: a line under a heading, a rule.
                let Some(body) = line.get(content..end) else { break };
                if !body.trim().is_empty() && !open_markup(body) {
                    return start + end;
                }
            }
        }
        return stable;
    }
    stable
}

/// Whether there is markup that is not closed (or may not be).
fn open_markup(text: &str) -> bool {
    let doubled = ["**", "__", "~~"].map(|mark| text.matches(mark).count());
    let count = |mark: char| text.matches(mark).count();
    let single = ['*', '_', '~'].into_iter().zip(doubled);
    doubled.into_iter().any(|count| count % 2 == 1)
        || single
            .into_iter()
            .any(|(mark, doubled)| (count(mark) - 2 * doubled) % 2 == 1)
        || count('`') % 2 == 1
        || count('[') != count(']')
        || count('<') != count('>')
        || text.ends_with([']', '!', '\\', '&'])
}

/// Draws Markdown. No line break at the end; what more text would add comes after.
pub(crate) fn render(source: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::default();
    for event in Parser::new_ext(source, options) {
        page.event(event);
    }
    page.out
}

#[derive(Default)]
struct Page {
    out: String,
    /// Styles that are on, as codes.
    styles: Vec<&'static str>,
    /// Lists around us, with the next number.
    lists: Vec<Option<u64>>,
    quotes: usize,
    code: Option<Code>,
    link: Option<String>,
    link_text: String,
    table: Option<Vec<Vec<String>>>,
    /// The item's sign was just written: its paragraph goes on the same line.
    at_item: bool,
}

/// A code block that is being read.
#[derive(Default)]
struct Code {
    text: String,
    /// Its language is on the line above.
    has_head: bool,
}

impl Page {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.push_style("36");
                self.text(&code);
                self.pop_style();
            }
            Event::SoftBreak | Event::HardBreak => {
                let margin = self.margin();
                self.text(&format!("\n{margin}"));
            }
            Event::Rule => {
                self.block();
                self.out.push_str("\x1b[2m────────\x1b[0m");
            }
            Event::Html(html) | Event::InlineHtml(html) => self.text(&html),
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block(),
            Tag::Heading { level, .. } => {
                self.block();
                self.push_style(if level == HeadingLevel::H1 { "1;4" } else { "1" });
            }
            Tag::BlockQuote(_) => {
                self.quotes += 1;
                self.push_style("2");
            }
            Tag::CodeBlock(kind) => {
                self.block();
                let mut code = Code::default();
                if let CodeBlockKind::Fenced(language) = kind
                    && !language.is_empty()
                {
                    self.out.push_str(&format!("\x1b[2m{language}{RESET}"));
                    code.has_head = true;
                }
                self.code = Some(code);
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                    // The first item begins here, not on a line of its own.
                    self.at_item = true;
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Emphasis => self.push_style("3"),
            Tag::Strong => self.push_style("1"),
            Tag::Strikethrough => self.push_style("9"),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link = Some(dest_url.into_string());
                self.link_text.clear();
                self.push_style("4");
            }
            Tag::Table(_) => {
                self.block();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(rows) = &mut self.table {
                    rows.push(Vec::new());
                }
            }
            Tag::TableCell => {
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(String::new());
                }
            }
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.pop_style();
            }
            TagEnd::BlockQuote(_) => {
                self.quotes = self.quotes.saturating_sub(1);
                self.pop_style();
            }
            TagEnd::CodeBlock => {
                let Some(code) = self.code.take() else {
                    return;
                };
                let mut first = !code.has_head;
                for line in code.text.lines() {
                    let space = if first { "" } else { "\n" };
                    first = false;
                    self.out.push_str(&format!("{space}\x1b[36m    {line}{RESET}"));
                }
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.at_item = false;
            }
            TagEnd::Item => self.at_item = false,
            TagEnd::Link | TagEnd::Image => {
                self.pop_style();
                if let Some(url) = self.link.take()
                    && url != self.link_text
                    && !url.is_empty()
                {
                    self.text(&format!(" ({url})"));
                }
            }
            TagEnd::Table => {
                let rows = self.table.take().unwrap_or_default();
                self.out.push_str(&table(&rows));
            }
            TagEnd::HtmlBlock => self.out.truncate(self.out.trim_end_matches('\n').len()),
            TagEnd::Paragraph
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    /// Begins a block: an empty line before it, except at the beginning and right after an item's sign.
    fn block(&mut self) {
        if self.at_item {
            self.at_item = false;
            return;
        }
        let margin = self.margin();
        if !self.out.is_empty() {
            self.out
                .push_str(if self.lists.is_empty() { "\n\n" } else { "\n" });
        }
        self.out.push_str(&margin);
    }

    fn item(&mut self) {
        let depth = self.lists.len().saturating_sub(1);
        if !self.at_item {
            self.out.push('\n');
        }
        self.out.push_str(&"  ".repeat(depth));
        let sign = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", number.saturating_sub(1))
            }
            Some(None) | None => "• ".to_owned(),
        };
        self.out.push_str(&sign);
        self.at_item = true;
    }

    fn margin(&self) -> String {
        let mut margin = "│ ".repeat(self.quotes);
        margin.push_str(&"  ".repeat(self.lists.len()));
        margin
    }

    fn text(&mut self, text: &str) {
        if self.link.is_some() {
            self.link_text.push_str(text);
        }
        if let Some(cell) = self
            .table
            .as_mut()
            .and_then(|rows| rows.last_mut())
            .and_then(|row| row.last_mut())
        {
            cell.push_str(text);
            return;
        }
        self.at_item = false;
        if let Some(code) = &mut self.code {
            code.text.push_str(text);
            return;
        }
        if self.styles.is_empty() {
            self.out.push_str(text);
        } else {
            // Opened and closed word by word: what was drawn stays the beginning of what will be drawn.
            let on = format!("\x1b[{}m", self.styles.join(";"));
            for word in text.split_inclusive(' ') {
                self.out.push_str(&on);
                self.out.push_str(word);
                self.out.push_str(RESET);
            }
        }
    }

    fn push_style(&mut self, code: &'static str) {
        self.styles.push(code);
    }

    fn pop_style(&mut self) {
        self.styles.pop();
    }
}

fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            match widths.get_mut(column) {
                Some(width) => *width = (*width).max(cell.width()),
                None => widths.push(cell.width()),
            }
        }
    }
    let mut lines = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
            .collect();
        let line = cells.join(" │ ");
        lines.push(if number == 0 {
            format!("\x1b[1m{line}{RESET}")
        } else {
            line
        });
        if number == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            lines.push(rule.join("─┼─"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
