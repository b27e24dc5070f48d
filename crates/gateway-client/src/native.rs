//! The trait [`Gateway`] over the WebSocket protocol.

use crate::client::decode;
use crate::session::{APPROVALS_MAX, approval, bounded, decision_name};
use crate::{
    AgentInfo, Agents, Approval, ApprovalKind, Attachment, CallError, Capabilities, Client, ConnectionState,
    Decision, Gateway, GatewayEvent, History, HistoryQuery, InFlightRun, Prompt, SendAck, ServerInfo,
    SessionsPage, SessionsQuery, complete,
};
use async_trait::async_trait;
use clawtray_gateway_protocol::method::{NoParams, agents, approvals, chat, sessions, status};
use clawtray_gateway_protocol::{ApprovalId, Message, Role, RunId, SessionKey};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

#[async_trait]
impl Gateway for Client {
    fn capabilities(&self) -> Capabilities {
        Capabilities::NATIVE
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.watch_state()
    }

    fn events(&self) -> mpsc::Receiver<GatewayEvent> {
        self.subscribe()
    }

    async fn send(&self, prompt: Prompt) -> Result<SendAck, CallError> {
        if let ConnectionState::Ready(info) = &*self.watch_state().borrow() {
            check_sizes(&prompt.attachments, info)?;
        }
        let params = chat::SendParams {
            session_key: prompt.session,
            message: prompt.text,
            idempotency_key: prompt.idempotency_key,
            thinking: prompt.thinking,
            queue_mode: None,
            attachments: prompt.attachments.into_iter().map(attachment).collect(),
            timeout_ms: prompt.timeout_ms,
        };
        let ack = self.call::<chat::Send>(&params).await?;
        Ok(SendAck {
            run_id: ack.run_id,
            status: ack.status,
            reply: None,
        })
    }

    async fn abort(&self, session: &SessionKey, run: Option<&RunId>) -> Result<bool, CallError> {
        let params = chat::AbortParams {
            session_key: session.clone(),
            run_id: run.cloned(),
        };
        Ok(self.call::<chat::Abort>(&params).await?.aborted)
    }

    async fn history(&self, query: HistoryQuery) -> Result<History, CallError> {
        let params = chat::HistoryParams {
            session_key: query.session,
            limit: query.limit,
            offset: query.offset,
            ..chat::HistoryParams::default()
        };
        let mut result = self.call::<chat::History>(&params).await?;
        // The outputs of tools stay as they are shown: they are folded, and may be many and large.
        let said = |message: &Message| message.role != Role::ToolResult;
        complete(self, &params.session_key, &mut result.messages, said).await;
        Ok(History {
            session: result.session_key,
            messages: result.messages,
            has_more: result.has_more,
            total: result.total_messages,
            in_flight: result.in_flight_run.map(|run| InFlightRun {
                run_id: run.run_id,
                text: run.text,
                started_at: run.started_at,
            }),
            row: result.session_info,
        })
    }

    async fn sessions(&self, query: SessionsQuery) -> Result<SessionsPage, CallError> {
        let params = sessions::ListParams {
            limit: query.limit,
            offset: query.offset,
            agent_id: query.agent,
            search: query.search,
            archived: query.archived.map(|too| {
                if too {
                    sessions::Archived::All
                } else {
                    sessions::Archived::No
                }
            }),
            include_derived_titles: Some(true),
            include_last_message: Some(true),
        };
        let result = self.call::<sessions::List>(&params).await?;
        Ok(SessionsPage {
            sessions: result.sessions,
            total: result.total_count,
            has_more: result.has_more,
        })
    }

    async fn agents(&self) -> Result<Agents, CallError> {
        let result = self.call::<agents::List>(&NoParams {}).await?;
        let agents = result.agents.into_iter().map(|agent| {
            let model = agent.primary_model().map(str::to_owned);
            let identity = agent.identity.unwrap_or_default();
            AgentInfo {
                id: agent.id,
                name: agent.name.or(identity.name),
                emoji: identity.emoji,
                model,
            }
        });
        Ok(Agents {
            default_id: result.default_id,
            agents: agents.collect(),
        })
    }

    async fn approvals(&self) -> Result<Vec<Approval>, CallError> {
        let exec = self.call::<approvals::ExecList>(&NoParams {}).await?;
        let plugin = match self.call::<approvals::PluginList>(&NoParams {}).await {
            Ok(list) => list.0,
            // Gateways before plugin approvals existed.
            Err(CallError::Gateway(error)) if error.code == "INVALID_REQUEST" => Vec::new(),
            Err(error) => return Err(error),
        };
        let exec = exec
            .0
            .into_iter()
            .map(|record| approval(record, ApprovalKind::Exec));
        let plugin = plugin
            .into_iter()
            .map(|record| approval(record, ApprovalKind::Plugin));
        Ok(exec
            .chain(plugin)
            .filter_map(bounded)
            .take(APPROVALS_MAX)
            .collect())
    }

    async fn resolve_approval(
        &self,
        id: &ApprovalId,
        kind: ApprovalKind,
        decision: Decision,
    ) -> Result<(), CallError> {
        let params = approvals::ResolveParams {
            id: id.clone(),
            decision: decision_name(decision).to_owned(),
        };
        match kind {
            ApprovalKind::Exec => self.call::<approvals::ExecResolve>(&params).await?,
            ApprovalKind::Plugin => self.call::<approvals::PluginResolve>(&params).await?,
        };
        Ok(())
    }

    async fn ping(&self) -> Result<Duration, CallError> {
        let begun = Instant::now();
        self.call::<status::Health>(&status::HealthParams::default())
            .await?;
        Ok(begun.elapsed())
    }

    async fn call_raw(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let payload = self.raw(method, &params, self.default_timeout(), false).await?;
        decode(method, &payload)
    }

    fn reconnect(&self) {
        self.reconnect_now();
    }

    async fn shutdown(&self) {
        self.close().await;
    }
}

fn attachment(attachment: Attachment) -> chat::SendAttachment {
    chat::SendAttachment {
        kind: if attachment.mime_type.starts_with("image/") {
            "image"
        } else {
            "file"
        },
        mime_type: attachment.mime_type,
        file_name: attachment.file_name,
        content: attachment.content,
    }
}

/// Checks attachments against the gateway's ceilings, which are for decoded bytes.
fn check_sizes(attachments: &[Attachment], info: &ServerInfo) -> Result<(), CallError> {
    for attachment in attachments {
        let padding = attachment
            .content
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'=')
            .count();
        let size = (attachment.content.len() / 4 * 3).saturating_sub(padding) as u64;
        let image = attachment.mime_type.starts_with("image/");
        let limit = if image {
            info.max_image_bytes.or(info.max_attachment_bytes)
        } else {
            info.max_attachment_bytes
        };
        if let Some(limit) = limit
            && size > limit
        {
            return Err(CallError::TooLarge { size, limit });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_measured_decoded_and_by_kind() {
        let info = ServerInfo {
            max_attachment_bytes: Some(6),
            max_image_bytes: Some(3),
            ..ServerInfo::default()
        };
        let sized = |mime: &str, content: &str| {
            let attachment = Attachment {
                mime_type: mime.into(),
                file_name: None,
                content: content.into(),
            };
            check_sizes(&[attachment], &info)
        };
        assert_eq!(sized("image/png", "AAAA"), Ok(()));
        assert_eq!(
            sized("image/png", "AAAAAA=="),
            Err(CallError::TooLarge { size: 4, limit: 3 })
        );
        assert_eq!(sized("text/plain", "AAAAAAAA"), Ok(()));
        assert_eq!(
            sized("text/plain", "AAAAAAAAAA=="),
            Err(CallError::TooLarge { size: 7, limit: 6 })
        );
        assert_eq!(check_sizes(&[], &ServerInfo::default()), Ok(()));
    }
}
