//! Messages in full, where the gateway cut them for display.
//!
//! `chat.history` shortens a text at 8,000 characters and leaves out messages above 128 kB. It says
//! so in the message's metadata. `chat.message.get` gives one message in full.

use crate::{CallError, Gateway};
use clawtray_gateway_protocol::method::Method;
use clawtray_gateway_protocol::method::chat::{MessageGet, MessageGetParams, MessageGetResult};
use clawtray_gateway_protocol::{Message, MessageId, SessionKey};
use futures_util::StreamExt as _;

/// Messages asked for at the same time.
const AT_ONCE: usize = 4;
/// Bytes of text that one page may grow by. What is beyond stays cut, and says so.
const GROWTH: usize = 16 << 20;

/// One message of a session in full. None when the gateway does not give it: it is gone, or larger than it gives.
///
/// # Errors
/// The call failed, or the gateway is older than the method.
pub async fn whole_message(
    gateway: &dyn Gateway,
    session: &SessionKey,
    id: &MessageId,
) -> Result<Option<Message>, CallError> {
    let params = MessageGetParams {
        session_key: session.clone(),
        message_id: id.clone(),
        ..MessageGetParams::default()
    };
    let unreadable = |error: serde_json::Error| CallError::Decode {
        method: MessageGet::NAME.to_owned(),
        reason: format!("line {}, column {}", error.line(), error.column()),
    };
    let params = serde_json::to_value(params).map_err(unreadable)?;
    let answer = gateway.call_raw(MessageGet::NAME, params).await?;
    let result: MessageGetResult = serde_json::from_value(answer).map_err(unreadable)?;
    Ok(result.message.map(|mut message| {
        message.remove_cut_marks();
        message
    }))
}

/// Replaces the messages that the gateway cut, of those that are wanted, by the whole ones. A message that cannot be had
/// stays cut, without the words that the gateway put in its place.
pub async fn complete(
    gateway: &dyn Gateway,
    session: &SessionKey,
    messages: &mut [Message],
    wanted: impl Fn(&Message) -> bool,
) {
    let mut cut = Vec::new();
    for (at, message) in messages.iter_mut().enumerate() {
        message.remove_cut_marks();
        if message.cut().is_some()
            && wanted(message)
            && let Some(id) = message.meta.id.clone()
        {
            cut.push((at, id));
        }
    }
    // The newest first: they are looked at.
    cut.reverse();
    let mut answers = futures_util::stream::iter(cut)
        .map(async |(at, id)| (at, whole_message(gateway, session, &id).await))
        .buffered(AT_ONCE);
    let mut grown = 0;
    while let Some((at, answer)) = answers.next().await {
        match answer {
            Ok(Some(whole)) => {
                grown += whole.text().len();
                if grown > GROWTH {
                    break;
                }
                if let Some(message) = messages.get_mut(at) {
                    fill_in(message, whole);
                }
            }
            Ok(None) => {}
            Err(error) => {
                // Without a connection, or with a gateway older than the method, the others fail as well.
                tracing::debug!(%error, "cut messages were not completed");
                break;
            }
        }
    }
}

/// The whole message has the place and the time of the cut one, should the gateway leave them out.
fn fill_in(message: &mut Message, mut whole: Message) {
    whole.meta.id = whole.meta.id.take().or_else(|| message.meta.id.take());
    whole.meta.run_id = whole.meta.run_id.take().or_else(|| message.meta.run_id.take());
    whole.meta.seq = whole.meta.seq.or(message.meta.seq);
    whole.timestamp = whole.timestamp.or(message.timestamp);
    whole.idempotency_key = whole
        .idempotency_key
        .take()
        .or_else(|| message.idempotency_key.take());
    *message = whole;
}
