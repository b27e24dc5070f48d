//! Messages in full, where the gateway told of them with less than it has.

use super::handle::Reply;
use super::{App, Then};
use crate::gateway::whole_message;
use crate::ids::SessionRef;
use crate::request_error::RequestError;
use clawtray_gateway_protocol::Message;
use serde_json::Value;

impl App {
    /// A window asks for a message in full.
    pub(super) fn whole_message(&mut self, session: &SessionRef, message: String, reply: Reply) {
        self.read_whole(&session.gateway, &session.session, message, move |read| {
            reply.send(read.map(|()| Value::Null));
        });
    }

    /// An event brought a message that the gateway cut for display.
    pub(super) fn complete_told(&mut self, id: &str, session: &str, message: &Message) {
        if let Some(row) = &message.meta.id {
            self.read_whole(id, session, row.as_str().to_owned(), |read| {
                if let Err(error) = read {
                    tracing::debug!(code = error.code(), "a message stays cut");
                }
            });
        }
    }

    fn read_whole(
        &mut self,
        id: &str,
        session: &str,
        message: String,
        then: impl FnOnce(Result<(), RequestError>) + Send + 'static,
    ) {
        let Some(gateway) = self.links.get(id).and_then(super::link::Link::ready) else {
            then(Err(RequestError::NotConnected));
            return;
        };
        let (id, session) = (id.to_owned(), session.to_owned());
        self.spawn(async move {
            let read = whole_message(&*gateway, &session.as_str().into(), &message.as_str().into()).await;
            Box::new(move |app: &mut Self| match read {
                Ok(Some(whole)) if whole.cut().is_none() => {
                    app.on_whole(&id, &session, &message, &whole);
                    then(Ok(()));
                }
                Ok(_) => then(Err(RequestError::MessageNotGiven)),
                Err(error) => then(Err(error.into())),
            }) as Then
        });
    }

    fn on_whole(&mut self, id: &str, session: &str, row: &str, whole: &Message) {
        self.keep_message(id, session, whole);
        let Some(open) = self
            .links
            .get_mut(id)
            .and_then(|link| link.transcripts.get_mut(session))
        else {
            return;
        };
        match open.fill_in(row, whole) {
            Some(changes) => self.transcript_changed(id, session, changes),
            // It stands between other parts of its reply: the page says where.
            None => self.load_history(id, session),
        }
    }
}
