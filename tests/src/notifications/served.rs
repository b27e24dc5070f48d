//! The D-Bus interface of the notification stand-in.
#![allow(missing_docs, reason = "the macro makes public items of the signals")]

use super::{CloseReason, Record, Shown};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

pub(super) struct Served {
    pub(super) capabilities: Vec<String>,
    pub(super) record: Arc<watch::Sender<Record>>,
    pub(super) last_id: u32,
    /// Do-not-disturb, where this daemon knows it.
    pub(super) inhibited: Option<bool>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Served {
    #[expect(clippy::too_many_arguments, reason = "the interface is given")]
    fn notify(
        &mut self,
        app_name: String,
        replaces_id: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        timeout_ms: i32,
    ) -> u32 {
        let id = if replaces_id == 0 {
            self.last_id + 1
        } else {
            replaces_id
        };
        self.last_id = self.last_id.max(id);
        let actions = actions.chunks_exact(2).filter_map(|pair| match pair {
            [key, label] => Some((key.clone(), label.clone())),
            _ => None,
        });
        let shown = Shown {
            id,
            replaces: replaces_id != 0,
            app_name,
            icon,
            summary,
            body,
            actions: actions.collect(),
            hints: hints
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            timeout_ms,
            while_inhibited: self.inhibited == Some(true),
        };
        self.record.send_modify(|record| record.shown.push(shown));
        id
    }

    async fn close_notification(
        &self,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
        id: u32,
    ) -> zbus::fdo::Result<()> {
        self.record.send_modify(|record| record.taken_back.push(id));
        Ok(Self::notification_closed(&emitter, id, CloseReason::TakenBack as u32).await?)
    }

    #[zbus(property)]
    fn inhibited(&self) -> zbus::fdo::Result<bool> {
        self.record.send_modify(|record| record.inhibited_asked += 1);
        self.inhibited
            .ok_or_else(|| zbus::fdo::Error::UnknownProperty("Inhibited".to_owned()))
    }

    fn get_capabilities(&self) -> Vec<String> {
        self.capabilities.clone()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("clawtray-lab".into(), "clawtray".into(), "1".into(), "1.2".into())
    }

    #[zbus(signal)]
    pub(super) async fn action_invoked(
        emitter: &SignalEmitter<'_>,
        id: u32,
        action_key: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn activation_token(
        emitter: &SignalEmitter<'_>,
        id: u32,
        token: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn notification_replied(
        emitter: &SignalEmitter<'_>,
        id: u32,
        text: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn notification_closed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}
