//! The tray: its model, its actions, and the status for the command line.

use super::views::count;
use super::{App, Timer};
use crate::approval::ApprovalText;
use crate::control::AppStatus;
use crate::gateway::Decision;
use crate::notify_policy::Privacy;
use crate::ports::{ApprovalRef, NotificationTarget, TrayAction, WindowKind};
use crate::tray_model::{self, ApprovalFacts, GatewayFacts, QuestionFacts, SessionFacts, TrayFacts};
use std::sync::PoisonError;
use std::time::Duration;

impl App {
    pub(super) fn show_tray(&mut self) {
        let facts = self.tray_facts();
        let wanted = tray_model::sign(&facts);
        let (sign, again) = self.sign.settle(wanted, self.now_ms());
        if let Some(at_ms) = again {
            let wait = u64::try_from(at_ms.saturating_sub(self.now_ms())).unwrap_or_default();
            self.after(Timer::Tray, Duration::from_millis(wait));
        }
        self.ports.tray.show(&tray_model::model(&facts, sign));
        let connection = self.connection_view();
        let active = self.profiles.active().and_then(|id| self.links.get(id));
        let status = AppStatus {
            gateway: connection.gateway,
            connection: connection.word,
            sentence: connection.sentence,
            version: connection.version,
            latency_ms: connection.latency_ms.map(u64::from),
            runs: facts.runs,
            approvals: count(facts.approvals.len()),
            questions: count(facts.questions.len()),
            unread: active.map(|link| link.sessions.unread()).unwrap_or_default(),
            hotkey: self.hotkey_view(),
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.active = self.profiles.active().map(str::to_owned);
        shared.status = status;
    }

    fn tray_facts(&self) -> TrayFacts {
        let gateways: Vec<GatewayFacts> = self
            .gateway_views()
            .into_iter()
            .map(|gateway| GatewayFacts {
                id: gateway.id,
                name: gateway.name,
                active: gateway.active,
                word: gateway.connection.word,
                sentence: gateway.connection.sentence,
                latency_ms: gateway.connection.latency_ms,
            })
            .collect();
        let elsewhere = self
            .links
            .iter()
            .filter(|(id, link)| self.profiles.active() != Some(id.as_str()) && link.is_ready())
            .map(|(_, link)| count(link.approvals.len() + link.questions.len()));
        let active = self.profiles.active().and_then(|id| self.links.get(id));
        let recent: Vec<String> = active
            .map(|link| link.sessions.recent().take(5).map(str::to_owned).collect())
            .unwrap_or_default();
        let notifications = &self.settings.get().notifications;
        let session = |id: &str, session: &str| SessionFacts {
            gateway: id.to_owned(),
            name: self.session_name(id, session),
            session: session.to_owned(),
        };
        let id = self.profiles.active().unwrap_or_default();
        let mut waiting: Vec<_> = active
            .map(|link| link.approvals.values().map(|waiting| &waiting.approval).collect())
            .unwrap_or_default();
        waiting.sort_by_key(|approval: &&crate::gateway::Approval| approval.created_at_ms);
        TrayFacts {
            language: self.language(),
            privacy: Privacy::of(notifications),
            runs: count(
                self.links
                    .values()
                    .filter(|link| link.is_ready())
                    .map(|link| link.runs.len())
                    .sum(),
            ),
            approvals: waiting
                .into_iter()
                .map(|approval| ApprovalFacts {
                    approval: ApprovalRef {
                        gateway: id.to_owned(),
                        id: approval.id.0.clone(),
                    },
                    session: session(
                        id,
                        approval
                            .session
                            .as_ref()
                            .map(|key| key.as_str())
                            .unwrap_or_default(),
                    ),
                    text: ApprovalText::of(approval),
                })
                .collect(),
            questions: active
                .into_iter()
                .flat_map(|link| link.questions.values())
                .map(|question| QuestionFacts {
                    session: session(id, &question.session),
                    question: question
                        .questions
                        .first()
                        .map(|item| item.question.clone())
                        .unwrap_or_default(),
                })
                .collect(),
            needs_elsewhere: elsewhere.sum(),
            unread: self.links.values().map(|link| link.sessions.unread()).sum(),
            recent: recent.iter().map(|key| session(id, key)).collect(),
            quiet: notifications
                .do_not_disturb_until_ms
                .is_some_and(|until| self.now_ms() < until),
            gateways,
        }
    }

    pub(super) fn on_tray(&mut self, action: TrayAction) {
        match action {
            TrayAction::TogglePopup => self.toggle_popup(),
            TrayAction::OpenSession { gateway, session } => {
                // The menu may have been open while another gateway became the active one.
                self.go_to(&NotificationTarget::Session {
                    gateway,
                    session,
                    message: None,
                });
            }
            TrayAction::OpenBrowser => self.show_window(WindowKind::Browser),
            TrayAction::OpenSettings => self.show_window(WindowKind::Settings),
            TrayAction::Approve(approval) => self.resolve_approval(approval, Decision::AllowOnce, None),
            TrayAction::Deny(approval) => self.resolve_approval(approval, Decision::Deny, None),
            TrayAction::UseGateway(id) => self.use_gateway(&id),
            TrayAction::Reconnect => {
                if let Some(id) = self.profiles.active().map(str::to_owned) {
                    self.reconnect(&id);
                }
            }
            TrayAction::DoNotDisturbHour => {
                let until = self.now_ms() + 3_600_000;
                self.do_not_disturb(Some(until));
            }
            TrayAction::DoNotDisturbTomorrow => {
                let minutes = i64::from(self.ports.clock.local_minutes());
                let until = self.now_ms() + (24 * 60 - minutes + 8 * 60) * 60_000;
                self.do_not_disturb(Some(until));
            }
            TrayAction::EndDoNotDisturb => self.do_not_disturb(None),
            TrayAction::Quit => self.quit(),
        }
    }
}
