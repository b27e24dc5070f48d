//! Builds the parts of the view from the state.

use super::App;
use crate::api::{
    AgentView, ApprovalView, ConnectionView, FoundGateway, GatewayView, QuestionView, QueuedView,
    TranscriptView,
};
use crate::connection;
use crate::gateway::Decision;
use crate::ports::WindowKind;
use crate::sessions::Overlay;
use crate::settings;
use crate::transcript::Transcript;
use std::collections::BTreeMap;

impl App {
    pub(super) fn transcript_view(&self, kind: WindowKind) -> TranscriptView {
        let Some((profile, session)) = self.in_window(kind) else {
            return TranscriptView::default();
        };
        let open = self
            .links
            .get(&profile)
            .and_then(|link| link.transcripts.get(&session));
        TranscriptView {
            gateway: profile.into(),
            session,
            ..open.map(Transcript::view).unwrap_or_default()
        }
    }

    pub(super) fn connection_view(&self) -> ConnectionView {
        match self.profiles.active() {
            Some(id) => self.connection_of(id),
            None => connection::none(self.language()),
        }
    }

    pub(super) fn connection_of(&self, id: &str) -> ConnectionView {
        match self.links.get(id) {
            Some(link) => link.view(&self.gateway_name(id), self.language()),
            None => connection::none(self.language()),
        }
    }

    pub(super) fn gateway_views(&self) -> Vec<GatewayView> {
        let views = self.profiles.all().iter().map(|profile| {
            let link = self.links.get(&profile.id);
            GatewayView {
                dialect: profile.protocol().to_string(),
                webhook_port: profile.webhook_port,
                id: profile.id.clone(),
                name: profile.name.clone(),
                url: profile.url.clone(),
                active: self.profiles.active() == Some(profile.id.as_str()),
                embedded: profile.embedded,
                connection: self.connection_of(&profile.id),
                full_control: profile.full_control,
                unread: link.map(|link| link.sessions.unread()).unwrap_or_default(),
                needs_you: link
                    .map(|link| count(link.approvals.len() + link.questions.len()))
                    .unwrap_or_default(),
            }
        });
        views.collect()
    }

    pub(super) fn found_views(&self) -> Vec<FoundGateway> {
        let language = self.language();
        let views = self.found.iter().map(|found| FoundGateway {
            id: found.id.clone(),
            name: found.called(language),
            url: found.url.clone(),
            source: found.source.told(language),
            has_token: found.token.is_some(),
            reachable: found.reachable,
            note: found.note.as_ref().map(|note| note.told(language)),
            command: found.note.as_ref().map(|note| note.command().to_owned()),
            certificate: found.certificate.clone(),
        });
        views.collect()
    }

    pub(super) fn agent_views(&self) -> Vec<AgentView> {
        let Some(link) = self.profiles.active().and_then(|id| self.links.get(id)) else {
            return Vec::new();
        };
        let views = link.agents.agents.iter().map(|agent| AgentView {
            id: agent.id.0.clone(),
            name: agent
                .name
                .clone()
                .unwrap_or_else(|| crate::text::capitalised(agent.id.as_str())),
            emoji: agent.emoji.clone(),
            model: agent.model.clone(),
            is_default: agent.id == link.agents.default_id,
        });
        views.collect()
    }

    pub(super) fn agent_names(&self, profile: &str) -> BTreeMap<String, String> {
        let Some(link) = self.links.get(profile) else {
            return BTreeMap::new();
        };
        let names = link.agents.agents.iter().map(|agent| {
            let name = agent
                .name
                .clone()
                .unwrap_or_else(|| crate::text::capitalised(agent.id.as_str()));
            (agent.id.0.clone(), name)
        });
        names.collect()
    }

    pub(super) fn overlay(&self, profile: &str) -> Overlay {
        let mut overlay = Overlay {
            muted: self
                .settings
                .get()
                .notifications
                .muted_sessions
                .iter()
                .map(|entry| settings::muted_key(entry, profile).to_owned())
                .collect(),
            agents: self.agent_names(profile),
            ..Overlay::default()
        };
        if let Some(link) = self.links.get(profile) {
            let approvals = link
                .approvals
                .values()
                .filter_map(|waiting| waiting.approval.session.as_ref());
            overlay.needs_you = approvals.map(|key| key.0.clone()).collect();
            overlay
                .needs_you
                .extend(link.questions.values().map(|question| question.session.clone()));
        }
        overlay
    }

    pub(super) fn outbox_views(&self) -> Vec<QueuedView> {
        let Some(id) = self.profiles.active() else {
            return Vec::new();
        };
        let view = |item: &crate::outbox::Item| item.view(self.outbox.is_unsaved(&item.id));
        self.outbox.of(id).map(view).collect()
    }

    pub(super) fn approval_views(&self) -> Vec<ApprovalView> {
        let active = self.profiles.active();
        let Some((id, link)) = active.and_then(|id| Some((id, self.links.get(id)?))) else {
            return Vec::new();
        };
        let mut views: Vec<ApprovalView> = link
            .approvals
            .values()
            .map(|waiting| {
                let approval = &waiting.approval;
                let session = approval
                    .session
                    .as_ref()
                    .map(|key| key.0.clone())
                    .unwrap_or_default();
                ApprovalView {
                    gateway: id.into(),
                    facts: crate::approval::facts(approval),
                    id: approval.id.0.clone(),
                    kind: match approval.kind {
                        crate::gateway::ApprovalKind::Exec => "exec".to_owned(),
                        crate::gateway::ApprovalKind::Plugin => "plugin".to_owned(),
                    },
                    title: approval.title.clone(),
                    detail: approval.detail.clone().unwrap_or_default(),
                    session_title: if session.is_empty() {
                        String::new()
                    } else {
                        link.sessions.title(&session)
                    },
                    session,
                    agent: approval
                        .agent
                        .as_ref()
                        .map(|agent| agent.0.clone())
                        .unwrap_or_default(),
                    allowed: approval
                        .allowed
                        .iter()
                        .map(|decision| decision_word(*decision).to_owned())
                        .collect(),
                    created_at_ms: approval.created_at_ms,
                    expires_at_ms: approval.expires_at_ms,
                    resolving: waiting.resolving,
                }
            })
            .collect();
        views.sort_by_key(|view| view.created_at_ms);
        views
    }

    pub(super) fn question_views(&self) -> Vec<QuestionView> {
        let active = self.profiles.active().unwrap_or_default();
        let Some(link) = self.links.get(active) else {
            return Vec::new();
        };
        let views = link.questions.values().map(|question| QuestionView {
            gateway: active.into(),
            session_title: if question.session.is_empty() {
                String::new()
            } else {
                link.sessions.title(&question.session)
            },
            ..question.clone()
        });
        views.collect()
    }
}

/// The word of a decision.
const fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "allow-once",
        Decision::AllowAlways => "allow-always",
        Decision::Deny => "deny",
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
