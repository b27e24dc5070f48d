//! The messages between the app and `clawtray-webview`: one JSON text per line.
//!
//! The socket is the standard input of `clawtray-webview`. The messages contain what pages ask and
//! receive, so they are never logged.

use clawtray_companion::{
    api::{Request, UiError},
    ports::WindowKind,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::io;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc::UnboundedReceiver,
};

/// The version that both programs have to be of.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest line that the app takes from the program with its windows, in bytes: a prompt with the largest files that a
/// gateway takes, base64. Pages show what others wrote, so the program is not trusted with the app's memory.
pub const MOST_REPORT: u64 = 48 * 1024 * 1024;
/// The longest line that the program takes from the app: a view with everything in it.
pub const MOST_ORDER: u64 = 256 * 1024 * 1024;

/// From the app. The end of the stream tells the program to end.
#[derive(Debug, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of `Windows` and of the pages' commands"
)]
pub enum Order {
    /// Shows a window and makes it if needed. The activation token lets it take the focus.
    Show {
        window: WindowKind,
        activation: Option<String>,
    },
    /// Hides a window.
    Hide { window: WindowKind },
    /// Lets go of a hidden window's webview.
    Release { window: WindowKind },
    /// The popup's height in CSS pixels.
    FitPopup { height: f64 },
    /// The answer to a [`Report::Request`].
    Answer {
        id: u64,
        outcome: Result<Box<RawValue>, UiError>,
    },
    /// An update for a page that subscribed.
    Update {
        window: WindowKind,
        update: Box<RawValue>,
    },
}

/// From the program with the windows.
#[derive(Debug, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of `Windows` and of the pages' commands"
)]
pub enum Report {
    /// The toolkit is there; windows can be made. The first report, and the same in every version.
    Ready { version: String },
    /// A page asks for something.
    Request {
        id: u64,
        window: Option<WindowKind>,
        request: Box<Request>,
    },
    /// A page wants its window's updates from now on.
    Subscribe { window: WindowKind },
    /// A window got the focus or lost it.
    Focus { window: WindowKind, focused: bool },
    /// The user closed a window; it is hidden.
    Closed { window: WindowKind },
    /// A window could not be shown.
    NotShown { window: WindowKind },
    /// A window's webview is gone. Only the program may still hold what was copied in it.
    Released {
        window: WindowKind,
        keeps_clipboard: bool,
    },
    /// Another program owns the clipboard now, so nothing has to be kept.
    ClipboardLost,
}

/// A message as a line.
///
/// A message is made of texts and numbers; that it cannot be written is a mistake in this file, and gives an empty line,
/// which the other side passes over.
#[must_use]
pub fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The next message, in a line of at most `most` bytes; `None` at the end of the stream.
///
/// # Errors
/// The stream broke, or what came is no message, or is longer.
pub async fn read<M: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
    most: u64,
) -> io::Result<Option<M>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut *from).take(most).read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && u64::try_from(line.len()).is_ok_and(|read| read >= most) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        if line != b"\n" {
            return Ok(Some(serde_json::from_slice(&line)?));
        }
    }
}

/// Writes lines until the sender or the reader is gone, then closes.
pub async fn write(mut to: impl AsyncWrite + Unpin, mut lines: UnboundedReceiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if to.write_all(&line).await.is_err() {
            // The reading side learns of it, too.
            return;
        }
    }
    // Nobody is there to be told that it failed.
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::{MOST_ORDER, Order, Report, line};
    use clawtray_companion::{api::UiError, ports::WindowKind};
    use serde_json::value::to_raw_value;
    use std::io::ErrorKind;

    async fn read<M: serde::de::DeserializeOwned>(from: &mut &[u8]) -> std::io::Result<Option<M>> {
        super::read(from, MOST_ORDER).await
    }

    #[tokio::test]
    async fn a_line_that_never_ends_is_not_read_to_its_end() {
        let closed = Report::Closed {
            window: WindowKind::Popup,
        };
        let most = u64::try_from(line(&closed).len()).unwrap();
        let mut stream = line(&closed);
        stream.extend(line(&closed));
        let mut from = stream.as_slice();
        for _ in 0..2 {
            let read = super::read::<Report>(&mut from, most).await.unwrap();
            assert!(matches!(read, Some(Report::Closed { .. })), "as long as may be");
        }
        let mut endless = tokio::io::BufReader::new(tokio::io::repeat(b'x'));
        let error = super::read::<Report>(&mut endless, 1000).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "the line is too long");
    }

    #[tokio::test]
    async fn messages_arrive_whole_and_in_turn() {
        let text = "two\nlines, \"quoted\" \u{2028} and ünïcode";
        let refused = UiError {
            code: "refused".into(),
            message: "No.".into(),
            hint: None,
            retry_after_ms: Some(5),
        };
        let mut stream = line(&Order::Answer {
            id: 7,
            outcome: Ok(to_raw_value(text).unwrap()),
        });
        stream.extend(b"\n");
        stream.extend(line(&Order::Answer {
            id: 8,
            outcome: Err(refused.clone()),
        }));
        stream.extend(line(&Order::Show {
            window: WindowKind::Browser,
            activation: None,
        }));
        let mut from = stream.as_slice();
        let Some(Order::Answer {
            id: 7,
            outcome: Ok(answer),
        }) = read(&mut from).await.unwrap()
        else {
            panic!("no answer");
        };
        assert_eq!(serde_json::from_str::<String>(answer.get()).unwrap(), text);
        let second = read(&mut from).await.unwrap();
        assert!(
            matches!(&second, Some(Order::Answer { id: 8, outcome: Err(error) }) if *error == refused),
            "{second:?}"
        );
        let third = read(&mut from).await.unwrap();
        assert!(
            matches!(
                third,
                Some(Order::Show {
                    window: WindowKind::Browser,
                    activation: None
                })
            ),
            "{third:?}"
        );
        assert!(read::<Order>(&mut from).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error() {
        for text in [
            "{\"Closed\":{\"window\":\"cellar\"}}\n",
            "Closed\n",
            "{\"Closed\":{\"window\":\"pop",
        ] {
            let error = read::<Report>(&mut text.as_bytes()).await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
                "{text}: {error:?}"
            );
        }
    }
}
