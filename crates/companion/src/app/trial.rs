//! Tests a gateway before it is added.

use super::gateways::protocol;
use super::handle::Reply;
use super::{App, Then};
use crate::connection;
use crate::gateway::{ConnectionState, Gateway};
use crate::ports::{ConnectRequest, Secret};
use crate::profiles::clean_url;
use crate::request_error::RequestError;
use crate::words::Language;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Time for a tested gateway to answer.
const TEST_FOR: Duration = Duration::from_secs(10);

impl App {
    pub(super) fn test_gateway(
        &mut self,
        url: &str,
        token: Option<String>,
        dialect: Option<&str>,
        reply: Reply,
    ) {
        let (url, in_url) = match clean_url(url) {
            Ok(clean) => clean,
            Err(error) => {
                let message = RequestError::from(error).sentence(self.language());
                reply.send(Ok(json!({ "ok": false, "message": message })));
                return;
            }
        };
        let protocol = match protocol(dialect) {
            Ok(protocol) => protocol,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let connector = Arc::clone(&self.ports.connector);
        let token = token
            .filter(|token| !token.trim().is_empty())
            .or(in_url)
            .map(Secret::new);
        let (name, language) = (self.host_name(&url), self.language());
        self.spawn(async move {
            let (issued, _kept) = mpsc::unbounded_channel();
            let request = ConnectRequest {
                profile: "test".to_owned(),
                url,
                protocol,
                poll_every: None,
                webhook: None,
                token,
                device_token: None,
                device_key: None,
                pinned_certificate: None,
                was_ready: false,
                full_control: false,
                issued,
            };
            let gateway = connector.connect(request).await;
            let (ok, message) = outcome(&*gateway, &name, language).await;
            gateway.shutdown().await;
            reply.send(Ok(json!({ "ok": ok, "message": message })));
            Box::new(|_: &mut Self| {}) as Then
        });
    }
}

/// What became of a test, in a sentence.
async fn outcome(gateway: &dyn Gateway, name: &str, language: Language) -> (bool, String) {
    let words = language.words();
    let mut state = gateway.state();
    let settled = state.wait_for(|state| {
        matches!(
            state,
            ConnectionState::Ready(_)
                | ConnectionState::Backoff { .. }
                | ConnectionState::Paused(_)
                | ConnectionState::Closed
        )
    });
    let state = match tokio::time::timeout(TEST_FOR, settled).await {
        Ok(Ok(state)) => state.clone(),
        Ok(Err(_)) | Err(_) => return (false, (words.does_not_answer)(name)),
    };
    if let ConnectionState::Ready(info) = &state {
        return (true, (words.answers)(name, &info.version));
    }
    let facts = connection::Facts {
        gateway: name.to_owned(),
        language,
        ..connection::Facts::default()
    };
    let sentence = match state {
        ConnectionState::Backoff { error, .. } => (words.not_reachable_because)(name, &error.to_string()),
        ConnectionState::Idle
        | ConnectionState::Connecting
        | ConnectionState::Handshaking
        | ConnectionState::Ready(_)
        | ConnectionState::Paused(_)
        | ConnectionState::Closed => connection::view(&state, &facts).sentence,
    };
    (false, sentence)
}
