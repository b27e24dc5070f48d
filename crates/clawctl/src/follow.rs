//! Follows one run from its prompt to its end, for `ask`, `send` and `run`.

use crate::cli::RunOutput;
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::link::{Link, failed};
use crate::markdown::Stream;
use crate::outbox::Outbox;
use crate::term::{Paint, Term, one_line};
use clawtray_gateway_client::protocol::{ContentPart, Message, Role, RunId, SessionKey};
use clawtray_gateway_client::{ConnectionState, GatewayEvent, HistoryQuery, Prompt, RunEvent, RunStep};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Time for a stop to be confirmed.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// Time without a connection after which a run is given up.
const LOST_LIMIT: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum End {
    Ok,
    Aborted,
    Error,
    Timeout,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    run_id: &'a RunId,
    session_key: &'a SessionKey,
    status: End,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    tools: &'a [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    duration_ms: u64,
}

struct Follow<'a> {
    link: &'a Link,
    term: &'a mut Term,
    output: &'a RunOutput,
    /// The run that is ours; another one when our prompt was steered into it.
    run: RunId,
    session: SessionKey,
    text: String,
    /// Text lost on the way: wait for the whole reply.
    gap: bool,
    printed: Printer,
    model: Option<String>,
    tools: Vec<Value>,
    error: Option<String>,
    /// Steps that are repeated have an equal or lower number.
    last_seq: u64,
}

/// What of the reply is on the screen.
enum Printer {
    Plain { printed: String },
    Rich(Stream),
    Nothing,
}

/// Sends a prompt and follows its run.
pub(crate) async fn prompt(link: &Link, prompt: Prompt, output: &RunOutput, term: &mut Term) -> Outcome {
    let started = Instant::now();
    let mut events = link.gateway.events();
    // That there is a connection is no news.
    while events.try_recv().is_ok() {}
    let mut interrupt = Interrupt::new()?;
    let session = prompt.session.clone();
    let key = RunId(prompt.idempotency_key.clone());
    let outbox = Outbox::open(link)?;
    let send = async {
        let Some(outbox) = &outbox else {
            term.progress("sending…");
            return Ok(link.gateway.send(prompt).await?);
        };
        outbox.send_left_over(link, term).await?;
        term.progress("sending…");
        outbox.send(link, prompt, term).await
    };
    let ack = tokio::select! {
        ack = send => ack?,
        () = interrupt.pressed() => {
            if let Some(outbox) = &outbox {
                outbox.take_back(key.as_str());
            }
            let _ = tokio::time::timeout(STOP_LIMIT, link.gateway.abort(&session, Some(&key))).await;
            return Err(Failure::new(Exit::Interrupted, "interrupted"));
        }
    };
    if output.no_wait {
        let done = json!({ "runId": ack.run_id, "sessionKey": session, "status": ack.status });
        return if output.json || output.jsonl {
            term.json_line(&done)
        } else {
            term.line(&one_line(ack.run_id.as_str()))
        };
    }
    let quiet = output.json || output.jsonl;
    let printed = if quiet {
        Printer::Nothing
    } else if term.rich {
        Printer::Rich(Stream::default())
    } else {
        Printer::Plain {
            printed: String::new(),
        }
    };
    let mut follow = Follow {
        link,
        term,
        output,
        run: ack.run_id,
        session,
        text: String::new(),
        gap: false,
        printed,
        model: None,
        tools: Vec::new(),
        error: None,
        last_seq: 0,
    };
    if output.jsonl {
        let line = json!({ "type": "started", "runId": follow.run, "sessionKey": follow.session });
        follow.term.json_line(&line)?;
    }
    let end = match ack.reply {
        Some(reply) => {
            follow.text = reply;
            End::Ok
        }
        None => follow.until_its_end(&mut events, &mut interrupt, started).await?,
    };
    follow.finish(end, started, interrupt.was_pressed)
}

impl Follow<'_> {
    async fn until_its_end(
        &mut self,
        events: &mut mpsc::Receiver<GatewayEvent>,
        interrupt: &mut Interrupt,
        started: Instant,
    ) -> Outcome<End> {
        let deadline = self
            .output
            .timeout
            .map(|seconds| started + Duration::from_secs(u64::from(seconds)));
        let mut state = self.link.gateway.state();
        let mut stop: Option<(Instant, End)> = None;
        let mut lost: Option<Instant> = None;
        loop {
            let far = Instant::now() + Duration::from_secs(3600);
            let next_check = [stop.map(|(at, _)| at), lost, deadline.filter(|_| stop.is_none())]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(far);
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else {
                        return Err(failed(&ConnectionState::Closed, &self.link.name));
                    };
                    if let Some(end) = self.event(event).await? {
                        return Ok(if end == End::Aborted { stop.map_or(end, |(_, why)| why) } else { end });
                    }
                }
                () = interrupt.pressed() => {
                    if stop.is_some() {
                        return Ok(End::Aborted);
                    }
                    self.stop("stopping…").await;
                    stop = Some((Instant::now() + STOP_LIMIT, End::Aborted));
                }
                Ok(()) = state.changed() => {
                    let now = state.borrow_and_update().clone();
                    match now {
                        ConnectionState::Ready(_) => lost = None,
                        ConnectionState::Paused(_) | ConnectionState::Closed => {
                            return Err(failed(&now, &self.link.name));
                        }
                        ConnectionState::Idle
                        | ConnectionState::Connecting
                        | ConnectionState::Handshaking
                        | ConnectionState::Backoff { .. } => {
                            lost.get_or_insert(Instant::now() + LOST_LIMIT);
                            self.term.progress("connection lost, connecting again…");
                        }
                    }
                }
                () = tokio::time::sleep_until(next_check) => {
                    if let Some((at, why)) = stop {
                        if Instant::now() >= at {
                            return Ok(why);
                        }
                    } else if lost.is_some_and(|at| Instant::now() >= at) {
                        let message = "the connection was lost while the agent was replying";
                        return Err(Failure::new(Exit::NotConnected, message)
                            .next(format!("clawctl history {}", self.session)));
                    } else if deadline.is_some_and(|at| Instant::now() >= at) {
                        self.stop("time limit reached, stopping…").await;
                        stop = Some((Instant::now() + STOP_LIMIT, End::Timeout));
                    }
                }
            }
        }
    }

    async fn stop(&mut self, why: &str) {
        self.term.progress(why);
        let abort = self.link.gateway.abort(&self.session, Some(&self.run));
        if let Ok(Err(error)) = tokio::time::timeout(STOP_LIMIT, abort).await {
            self.term.note(&format!("the run could not be stopped: {error}"));
        }
    }

    async fn event(&mut self, event: GatewayEvent) -> Outcome<Option<End>> {
        match event {
            GatewayEvent::Run(step) if step.run == self.run => self.step(step).await,
            GatewayEvent::Resync | GatewayEvent::Connected { .. } => self.reload().await,
            GatewayEvent::ApprovalRequested(approval) if approval.run.as_ref() == Some(&self.run) => {
                self.term
                    .note(&format!("waiting for approval: {}", one_line(&approval.title)));
                self.term
                    .note(&format!("  clawctl approvals approve {}", approval.id));
                Ok(None)
            }
            GatewayEvent::Run(_)
            | GatewayEvent::Message { .. }
            | GatewayEvent::SessionChanged { .. }
            | GatewayEvent::SessionsChanged { .. }
            | GatewayEvent::ApprovalRequested(_)
            | GatewayEvent::ApprovalResolved { .. }
            | GatewayEvent::Health(_)
            | GatewayEvent::Shutdown { .. }
            | GatewayEvent::Other { .. } => Ok(None),
        }
    }

    async fn step(&mut self, event: RunEvent) -> Outcome<Option<End>> {
        if self.output.jsonl {
            self.term.json_line(&GatewayEvent::Run(event.clone()))?;
        }
        match event.step {
            RunStep::Status { phase } => {
                if self.text.is_empty() {
                    self.term.progress(&format!("{}…", phase.replace('_', " ")));
                }
            }
            RunStep::Delta {
                text,
                replace,
                total_bytes,
            } => {
                if replace {
                    self.text.clear();
                    self.gap = false;
                }
                self.text.push_str(&text);
                if total_bytes.is_some_and(|total| total != self.text.len()) {
                    self.gap = true;
                }
                if !self.gap {
                    self.show(false)?;
                }
            }
            RunStep::Thinking { .. } => self.term.progress("thinking…"),
            RunStep::Tool {
                call_id,
                name,
                phase,
                arguments,
                is_error,
                ..
            } => self.tool(&call_id, &name, &phase, arguments.as_ref(), is_error),
            RunStep::Final { message, .. } => return self.last(message).await,
            RunStep::Aborted { message } => {
                if let Some(message) = message {
                    self.whole(&message)?;
                }
                return Ok(Some(End::Aborted));
            }
            RunStep::Error { message } => {
                self.error = Some(message);
                return Ok(Some(End::Error));
            }
        }
        self.last_seq = event.seq;
        Ok(None)
    }

    fn tool(&mut self, call: &str, name: &str, phase: &str, arguments: Option<&Value>, is_error: bool) {
        match phase {
            "start" => {
                let detail = arguments.map(summary).unwrap_or_default();
                self.term.note(&one_line(&format!("tool {name} {detail}")));
                self.tools
                    .push(json!({ "id": call, "name": name, "arguments": arguments, "isError": false }));
            }
            "result" => {
                if is_error {
                    self.term.note(&format!("tool {name} failed"));
                }
                let known = self
                    .tools
                    .iter_mut()
                    .find(|tool| tool.get("id").and_then(Value::as_str) == Some(call));
                if let Some(failed) = known.and_then(|tool| tool.get_mut("isError")) {
                    *failed = Value::Bool(is_error);
                }
            }
            _ => {}
        }
    }

    /// The end of the run. Without a message the prompt may have been steered into a run that was under way: its answer
    /// comes there.
    async fn last(&mut self, message: Option<Box<Message>>) -> Outcome<Option<End>> {
        if let Some(message) = message {
            self.whole(&message)?;
            return Ok(Some(End::Ok));
        }
        if !self.text.is_empty() || !self.link.gateway.capabilities().history {
            return Ok(Some(End::Ok));
        }
        let history = self.history(1).await?;
        match history.in_flight {
            Some(other) if other.run_id != self.run => {
                self.term.note("joined the run in progress");
                self.run = other.run_id;
                self.gap = false;
                Ok(None)
            }
            Some(_) | None => Ok(Some(End::Ok)),
        }
    }

    /// Takes the message as the whole reply. After tools it holds the last part alone.
    fn whole(&mut self, message: &Message) -> Outcome {
        self.model.clone_from(&message.model);
        let text = message.text();
        if text.starts_with(&self.text) || self.gap {
            self.text = text;
        } else if !self.text.ends_with(&text) {
            self.text.push_str("\n\n");
            self.text.push_str(&text);
        }
        Ok(())
    }

    /// After events were missed: what the gateway has of the run.
    async fn reload(&mut self) -> Outcome<Option<End>> {
        if !self.link.gateway.capabilities().history {
            return Ok(None);
        }
        let Ok(history) = self.history(20).await else {
            // Lost again: the next connection asks again.
            return Ok(None);
        };
        if let Some(run) = history.in_flight
            && run.run_id == self.run
        {
            if run.text.starts_with(&self.text) {
                self.text = run.text;
                self.gap = false;
                self.show(false)?;
            } else {
                self.gap = true;
            }
            return Ok(None);
        }
        // Over, if its prompt is in the transcript with an answer after it.
        let ours = format!("{}:user", self.run);
        let mut messages = history
            .messages
            .iter()
            .skip_while(|message| message.idempotency_key.as_deref() != Some(&ours));
        if messages.next().is_none() {
            return Ok(None);
        }
        let Some(answer) = messages.filter(|message| message.role == Role::Assistant).last() else {
            return Ok(None);
        };
        if let Some(error) = &answer.error_message {
            self.error = Some(error.clone());
            return Ok(Some(End::Error));
        }
        if answer
            .content
            .iter()
            .any(|part| matches!(part, ContentPart::ToolCall { .. }))
        {
            return Ok(None);
        }
        let answer = answer.clone();
        self.whole(&answer)?;
        Ok(Some(End::Ok))
    }

    async fn history(&self, limit: u32) -> Outcome<clawtray_gateway_client::History> {
        let query = HistoryQuery {
            session: self.session.clone(),
            limit: Some(limit),
            offset: None,
        };
        Ok(self.link.gateway.history(query).await?)
    }

    fn show(&mut self, done: bool) -> Outcome {
        let new = match &mut self.printed {
            Printer::Nothing => {
                if !done {
                    self.term
                        .progress(&format!("replying… {} characters", self.text.chars().count()));
                }
                return Ok(());
            }
            Printer::Rich(stream) => stream.more(&self.text, done),
            Printer::Plain { printed } => {
                let new = match self.text.strip_prefix(printed.as_str()) {
                    Some(new) => new.to_owned(),
                    // The provider was tried again and says something else: what is out cannot be taken back.
                    None => format!("\n{}", self.text),
                };
                printed.clone_from(&self.text);
                new
            }
        };
        if new.is_empty() {
            return Ok(());
        }
        if self.term.rich {
            return self.term.out(&new);
        }
        self.term.foreign(&new)
    }

    fn finish(mut self, end: End, started: Instant, interrupted: bool) -> Outcome {
        self.show(true)?;
        let quiet = matches!(self.printed, Printer::Nothing);
        if !quiet && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.term.line("")?;
        }
        let report = Report {
            run_id: &self.run,
            session_key: &self.session,
            status: end,
            text: &self.text,
            model: self.model.as_deref(),
            tools: &self.tools,
            error: self.error.as_deref(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        if self.output.json {
            self.term.json(&report)?;
        } else if self.output.jsonl {
            let mut line = serde_json::to_value(&report).map_err(std::io::Error::from)?;
            if let Some(fields) = line.as_object_mut() {
                fields.insert("type".into(), "result".into());
            }
            self.term.json_line(&line)?;
        }
        self.term.end_progress();
        match end {
            End::Ok => Ok(()),
            End::Aborted if interrupted => Err(Failure::new(Exit::Interrupted, "stopped")),
            End::Aborted => Err(Failure::new(Exit::RunFailed, "the run was stopped")),
            End::Timeout => {
                let seconds = self.output.timeout.unwrap_or_default();
                Err(Failure::new(
                    Exit::RunFailed,
                    format!("the run took longer than {seconds} s and was stopped"),
                ))
            }
            End::Error => {
                let error = self.error.unwrap_or_else(|| "no reason was given".to_owned());
                let mut failure =
                    Failure::new(Exit::RunFailed, format!("the run failed: {}", one_line(&error)));
                if std::io::stderr().is_terminal() {
                    failure = failure.next("clawctl logs -n 20");
                }
                Err(failure)
            }
        }
    }
}

/// The argument of a tool that says most.
pub(crate) fn summary(arguments: &Value) -> String {
    for name in ["command", "path", "file_path", "url", "query", "pattern"] {
        if let Some(text) = arguments.get(name).and_then(Value::as_str) {
            return text.to_owned();
        }
    }
    match arguments {
        Value::Null => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            arguments.to_string()
        }
    }
}

/// Prints a role's name.
pub(crate) fn role_name(term: &Term, role: &Role) -> String {
    match role {
        Role::User => term.paint(Paint::Green, "you"),
        Role::Assistant => term.paint(Paint::Cyan, "agent"),
        Role::ToolResult => term.paint(Paint::Dim, "tool"),
        Role::System => term.paint(Paint::Dim, "system"),
        Role::Other(name) => one_line(name),
    }
}
