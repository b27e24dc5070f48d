//! Server-sent events: takes bytes, gives the `data` of each event.

/// The longest event that is kept, in bytes.
const EVENT_MAX: usize = 8 * 1024 * 1024;

/// A reader that may be given the stream in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    after_cr: bool,
}

/// An event without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Events {
    /// Takes bytes; gives the events that they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut out = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\r' | b'\n' => {
                    self.after_cr = *byte == b'\r';
                    out.extend(self.end_of_line());
                }
                other => {
                    self.after_cr = false;
                    self.line.push(*other);
                }
            }
            if self.line.len() + self.data.len() > EVENT_MAX {
                return Err(TooLong);
            }
        }
        Ok(out)
    }

    /// The event that the end of the stream completes, for servers that forget the last empty line.
    pub(crate) fn end(&mut self) -> Option<String> {
        self.end_of_line().or_else(|| self.dispatch())
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_start_matches('\u{feff}');
        if let Some(rest) = line.strip_prefix("data") {
            let value = match rest.strip_prefix(':') {
                Some(value) => value.strip_prefix(' ').unwrap_or(value),
                None if rest.is_empty() => "",
                None => return None,
            };
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push('\n');
            }
            self.data.push_str(value);
        }
        None
    }

    fn dispatch(&mut self) -> Option<String> {
        std::mem::take(&mut self.has_data).then(|| std::mem::take(&mut self.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_however_they_are_cut() {
        let stream = "\u{feff}data: {\"a\":\"\u{e4}\"}\n\n: keep-alive\n\nevent: x\r\ndata:one\r\ndata: two\r\n\r\nid: 7\n\ndata\n\ndata: last";
        let expected = ["{\"a\":\"ä\"}", "one\ntwo", "", "last"];
        for size in 1..stream.len() {
            let mut events = Events::default();
            let mut out = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                out.extend(events.feed(piece).unwrap());
            }
            out.extend(events.end());
            assert_eq!(out, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut events = Events::default();
        let piece = vec![b'x'; 1024 * 1024];
        let fed = (0..10).map(|_| events.feed(&piece)).find(Result::is_err);
        assert_eq!(fed, Some(Err(TooLong)));
    }
}
