//! Actions on sessions, with the gateway's own methods and parameters.

use super::handle::Reply;
use super::{App, Then};
use crate::api::{CommandView, JobSchedule, MessageRole, ModelView, NewJob};
use crate::gateway::{Gateway, HistoryQuery, complete};
use crate::ids::{GatewayId, SessionRef};
use crate::ports::WindowKind;
use crate::request_error::RequestError;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::sync::Arc;

/// Pages read for an export, at most.
const EXPORT_PAGES: u32 = 50;
const EXPORT_PAGE: u32 = 200;

impl App {
    /// Calls a method of a gateway; what `then` gives is the answer.
    fn call(
        &mut self,
        gateway: &GatewayId,
        method: &'static str,
        params: Value,
        reply: Reply,
        then: impl FnOnce(&mut Self, &str, Value) -> Result<Value, RequestError> + Send + 'static,
    ) {
        let id = gateway.0.clone();
        let gateway = match self.ready(gateway) {
            Ok(gateway) => gateway,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        self.spawn(async move {
            let answer = gateway.call_raw(method, params).await;
            Box::new(move |app: &mut Self| {
                let answer = answer
                    .map_err(RequestError::from)
                    .and_then(|value| then(app, &id, value));
                reply.send(answer);
            }) as Then
        });
    }

    /// Calls a method of a gateway and answers what it answers.
    pub(super) fn pass_on(&mut self, gateway: &GatewayId, method: &'static str, params: Value, reply: Reply) {
        self.call(gateway, method, params, reply, |_, _, answer| Ok(answer));
    }

    /// A key for a new session. The gateway makes it with the first prompt, so this works offline.
    pub(super) fn new_session_key(&self, gateway: &str, agent: Option<&str>) -> Result<String, RequestError> {
        let link = self.links.get(gateway).ok_or(RequestError::NoSuchGateway)?;
        let default = link.agents.default_id.as_str();
        let agent = agent
            .or_else(|| Some(default).filter(|id| !id.is_empty()))
            .unwrap_or("main");
        let id = uuid::Uuid::new_v4().simple().to_string();
        Ok(format!("agent:{agent}:chat-{}", id.get(..12).unwrap_or(&id)))
    }

    pub(super) fn patch_session(&mut self, session: &SessionRef, patch: Value, reply: Reply) {
        let mut params = json!({ "key": session.session });
        if let (Some(params), Some(patch)) = (params.as_object_mut(), patch.as_object()) {
            params.extend(patch.clone());
        }
        let (gateway, session) = (&session.gateway, session.session.clone());
        self.call(gateway, "sessions.patch", params, reply, move |app, id, _| {
            // The gateway tells everybody; where it does not, the row is right at once.
            if let Some(link) = app.links.get_mut(id) {
                link.sessions.merge(&session, None, &patch);
            }
            app.publisher.dirty.sessions = true;
            app.publisher.dirty.target = true;
            Ok(Value::Null)
        });
    }

    pub(super) fn set_session_model(
        &mut self,
        session: &SessionRef,
        model: Option<String>,
        thinking: Option<String>,
        reply: Reply,
    ) {
        let mut patch = Map::new();
        if let Some(model) = model {
            patch.insert("model".to_owned(), model.into());
        }
        if let Some(thinking) = thinking {
            patch.insert("thinkingLevel".to_owned(), thinking.into());
        }
        let known = self
            .links
            .get(session.gateway.as_str())
            .is_some_and(|link| link.sessions.get(&session.session).is_some());
        if known {
            self.patch_session(session, Value::Object(patch), reply);
            return;
        }
        // A session that has had no prompt yet is made with its model.
        let key = session.session.as_str();
        patch.insert("key".to_owned(), key.into());
        if let Some(agent) = crate::sessions::agent_of(key) {
            patch.insert("agentId".to_owned(), agent.into());
        }
        let params = Value::Object(patch);
        self.call(
            &session.gateway,
            "sessions.create",
            params,
            reply,
            |app, id, _| {
                app.refresh_sessions(id);
                Ok(Value::Null)
            },
        );
    }

    pub(super) fn reset_session(&mut self, session: &SessionRef, reply: Reply) {
        let key = session.session.clone();
        self.call(
            &session.gateway,
            "sessions.reset",
            json!({ "key": key }),
            reply,
            move |app, id, _| {
                app.drop_message_records(id, &key);
                app.load_history(id, &key);
                Ok(Value::Null)
            },
        );
    }

    pub(super) fn compact_session(&mut self, session: &SessionRef, reply: Reply) {
        let key = session.session.clone();
        self.call(
            &session.gateway,
            "sessions.compact",
            json!({ "key": key }),
            reply,
            move |app, id, answer| {
                if answer.get("ok").and_then(Value::as_bool) == Some(false) {
                    let reason = answer.get("reason").and_then(Value::as_str).unwrap_or_default();
                    return Err(RequestError::NotCompacted(crate::text::one_line(reason, 160)));
                }
                app.load_history(id, &key);
                Ok(Value::Null)
            },
        );
    }

    pub(super) fn delete_session(&mut self, session: &SessionRef, reply: Reply) {
        let key = session.session.clone();
        let params = json!({ "key": key, "deleteTranscript": true });
        self.call(
            &session.gateway,
            "sessions.delete",
            params,
            reply,
            move |app, id, _| {
                app.forget_session(id, &key);
                Ok(Value::Null)
            },
        );
    }

    /// Windows that showed a session that is gone show the usual one.
    fn forget_session(&mut self, id: &str, session: &str) {
        if let Some(link) = self.links.get_mut(id) {
            link.sessions.remove(session);
            link.transcripts.remove(session);
        }
        self.drop_session_record(id, session);
        self.profiles.change(id, |profile| {
            if profile.session.as_deref() == Some(session) {
                profile.session = None;
            }
        });
        self.publisher.dirty.sessions = true;
        self.withdraw(&crate::notify_policy::session_tag(id, session));
        self.drop_target(id, session);
    }

    pub(super) fn fork_session(&mut self, window: WindowKind, session: &SessionRef, reply: Reply) {
        let key = session.session.as_str();
        let mut params = json!({ "parentSessionKey": key, "fork": true });
        if let (Some(params), Some(agent)) = (params.as_object_mut(), crate::sessions::agent_of(key)) {
            params.insert("agentId".to_owned(), agent.into());
        }
        let of = &session.gateway;
        self.call(of, "sessions.create", params, reply, move |app, id, answer| {
            let Some(key) = answer.get("key").and_then(Value::as_str) else {
                return Err(RequestError::NoCopyNamed);
            };
            app.refresh_sessions(id);
            let copy = SessionRef::new(id, key);
            app.set_target_to(window, &copy);
            Ok(json!({ "session": copy }))
        });
    }

    pub(super) fn list_commands(&mut self, window: WindowKind, gateway: &GatewayId, reply: Reply) {
        let agent = self
            .target_on(gateway, window)
            .and_then(|key| crate::sessions::agent_of(&key).map(str::to_owned));
        let mut params = json!({ "scope": "text", "includeArgs": true });
        if let (Some(params), Some(agent)) = (params.as_object_mut(), agent) {
            params.insert("agentId".to_owned(), agent.into());
        }
        self.call(gateway, "commands.list", params, reply, |_, _, answer| {
            Ok(json!(commands(&answer)))
        });
    }

    pub(super) fn list_models(&mut self, gateway: &GatewayId, reply: Reply) {
        self.call(gateway, "models.list", json!({}), reply, |_, _, answer| {
            Ok(json!(models(&answer)))
        });
    }

    pub(super) fn send_in_background(
        &mut self,
        gateway: &GatewayId,
        text: String,
        model: Option<String>,
        timeout_seconds: Option<u32>,
        reply: Reply,
    ) {
        let id = gateway.clone();
        let ready = self.ready(&id);
        let (gateway, session) = match ready.and_then(|ready| Ok((ready, self.new_session_key(&id, None)?))) {
            Ok(both) => both,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let timeout_ms = timeout_seconds.map(|seconds| u64::from(seconds) * 1000);
        self.spawn(async move {
            let made = match model {
                // Only a model needs a session before its first prompt.
                Some(model) => make_session(&*gateway, &session, &model).await,
                None => Ok(()),
            };
            Box::new(move |app: &mut Self| {
                match made.and_then(|()| app.enqueue(&id, &session, text, Vec::new(), timeout_ms)) {
                    Ok(sent) => {
                        app.hide_window(WindowKind::Popup);
                        let session = SessionRef::new(id, session);
                        let answer = json!({ "id": sent, "session": session });
                        app.shelf.answer_when_written(sent, answer, reply);
                    }
                    Err(error) => reply.send(Err(error)),
                }
            }) as Then
        });
    }

    pub(super) fn export_session(&mut self, session: SessionRef, format: String, reply: Reply) {
        if !matches!(format.as_str(), "markdown" | "json") {
            reply.send(Err(RequestError::Malformed(
                "A session is exported as markdown or json",
            )));
            return;
        }
        let SessionRef { gateway: id, session } = session;
        let gateway = match self.ready(&id) {
            Ok(gateway) => gateway,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let title = self
            .links
            .get(id.as_str())
            .map(|link| link.sessions.title(&session))
            .unwrap_or_default();
        self.spawn(async move {
            let text = export(gateway, &session, &title, &format).await;
            reply.send(text.map(|text| json!({ "text": text })));
            Box::new(|_: &mut Self| {}) as Then
        });
    }
}

async fn make_session(gateway: &dyn Gateway, session: &str, model: &str) -> Result<(), RequestError> {
    let mut params = json!({ "key": session, "model": model });
    if let (Some(params), Some(agent)) = (params.as_object_mut(), crate::sessions::agent_of(session)) {
        params.insert("agentId".to_owned(), agent.into());
    }
    gateway
        .call_raw("sessions.create", params)
        .await
        .map(|_| ())
        .map_err(RequestError::from)
}

/// The parameters of `cron.add`.
pub(super) fn job_params(job: &NewJob) -> Value {
    let schedule = match &job.schedule {
        JobSchedule::Every { every_ms } => json!({ "kind": "every", "everyMs": every_ms }),
        JobSchedule::Cron { expr } => json!({ "kind": "cron", "expr": expr }),
    };
    let mut params = json!({
        "name": job.name,
        "schedule": schedule,
        "sessionTarget": "isolated",
        "wakeMode": "now",
        "payload": { "kind": "agentTurn", "message": job.prompt },
        "delivery": { "mode": "none" },
    });
    let agent = job.agent.as_ref().filter(|agent| !agent.is_empty());
    if let (Some(params), Some(agent)) = (params.as_object_mut(), agent) {
        params.insert("agentId".to_owned(), agent.as_str().into());
    }
    params
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .unwrap_or_default()
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn commands(answer: &Value) -> Vec<CommandView> {
    list(answer, "commands")
        .map(|command| {
            let alias = list(command, "textAliases")
                .find_map(Value::as_str)
                .map(str::to_owned);
            let arguments: Vec<String> = list(command, "args")
                .map(|argument| {
                    let name = text(argument, "name");
                    let required = argument.get("required").and_then(Value::as_bool) == Some(true);
                    if required {
                        format!("<{name}>")
                    } else {
                        format!("[{name}]")
                    }
                })
                .collect();
            CommandView {
                name: alias.unwrap_or_else(|| format!("/{}", text(command, "name"))),
                description: text(command, "description"),
                arguments: arguments.join(" "),
            }
        })
        .collect()
}

fn models(answer: &Value) -> Vec<ModelView> {
    list(answer, "models")
        .filter(|model| model.get("available").and_then(Value::as_bool) != Some(false))
        .map(|model| {
            let (provider, id) = (text(model, "provider"), text(model, "id"));
            let name = text(model, "name");
            ModelView {
                name: if name.is_empty() { id.clone() } else { name },
                id: if provider.is_empty() {
                    id
                } else {
                    format!("{provider}/{id}")
                },
                thinking_levels: list(model, "thinkingLevels")
                    .map(|level| text(level, "id"))
                    .collect(),
            }
        })
        .collect()
}

async fn export(
    gateway: Arc<dyn Gateway>,
    session: &str,
    title: &str,
    format: &str,
) -> Result<String, RequestError> {
    let mut rows = Vec::new();
    for _ in 0..EXPORT_PAGES {
        let offset = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let query = HistoryQuery {
            session: session.into(),
            limit: Some(EXPORT_PAGE),
            offset: Some(offset).filter(|offset| *offset > 0),
        };
        let page = gateway.history(query).await.map_err(RequestError::from)?;
        let more = page.has_more && !page.messages.is_empty();
        rows.splice(0..0, page.messages);
        if !more {
            break;
        }
    }
    // The outputs of tools are cut on pages; this format has them.
    if format == "json" {
        complete(&*gateway, &session.into(), &mut rows, |_| true).await;
    }
    let messages: Vec<_> = crate::transcript::fold(&rows)
        .into_iter()
        .map(|entry| entry.view)
        .collect();
    if format == "json" {
        let all = json!({ "session": session, "title": title, "messages": messages });
        return serde_json::to_string_pretty(&all).map_err(|_| RequestError::BadAnswer);
    }
    let mut out = format!("# {title}\n");
    for message in messages {
        let who = match message.role {
            MessageRole::User => "You",
            MessageRole::Assistant => "Agent",
            MessageRole::System => "Note",
        };
        let _ = write!(out, "\n## {who}\n");
        for tool in &message.tools {
            let _ = write!(out, "\n> {} `{}`\n", tool.name, tool.summary.replace('`', "'"));
        }
        if !message.text.is_empty() {
            let _ = write!(out, "\n{}\n", message.text.trim_end());
        }
        if message.cut.is_some() {
            out.push_str("\n> The gateway gave only a part of this message: it is too large.\n");
        }
        if let Some(error) = &message.error {
            let _ = write!(out, "\n> {error}\n");
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_real_gateway_are_read() {
        let answer = json!({"commands":[{"name":"skill","textAliases":["/skill"],"description":"Run.",
            "args":[{"name":"name","required":true},{"name":"input"}]},{"name":"x"}]});
        let read = commands(&answer);
        assert_eq!(
            (read[0].name.as_str(), read[0].arguments.as_str()),
            ("/skill", "<name> [input]")
        );
        assert_eq!(read[1].name, "/x");
        let answer = json!({"models":[{"id":"f","name":"F","provider":"p","thinkingLevels":[{"id":"low"}]},
            {"id":"gone","available":false}]});
        let read = models(&answer);
        assert_eq!(read.len(), 1);
        assert_eq!(
            (read[0].id.as_str(), read[0].thinking_levels[0].as_str()),
            ("p/f", "low")
        );
    }
}
