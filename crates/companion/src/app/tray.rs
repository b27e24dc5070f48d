//! The tray: its model, its actions, and the status for the command line.

use super::views::count;
use super::{App, Timer};
use crate::control::AppStatus;
use crate::gateway::Decision;
use crate::ports::{TrayAction, WindowKind};
use crate::tray_model::{self, ApprovalFacts, GatewayFacts, TrayFacts};
use std::sync::PoisonError;
use std::time::Duration;

impl App {
    pub(super) fn show_tray(&mut self) {
        let facts = self.tray_facts();
        let wanted = tray_model::sign(&facts);
        let (sign, again) = self.sign.settle(wanted, self.now_ms());
        if let Some(at_ms) = again {
            let wait = u64::try_from(at_ms - self.now_ms()).unwrap_or_default();
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
        let recent = active.map(|link| link.sessions.recent().take(5).collect());
        let notifications = &self.settings.get().notifications;
        TrayFacts {
            language: self.language(),
            runs: count(
                self.links
                    .values()
                    .filter(|link| link.is_ready())
                    .map(|link| link.runs.len())
                    .sum(),
            ),
            approvals: self
                .approval_views()
                .into_iter()
                .map(|view| ApprovalFacts {
                    id: view.id,
                    title: view.title,
                })
                .collect(),
            questions: self
                .question_views()
                .into_iter()
                .map(|view| {
                    let first = view
                        .questions
                        .first()
                        .map(|item| item.question.clone())
                        .unwrap_or_default();
                    (
                        view.session,
                        if first.is_empty() {
                            view.session_title
                        } else {
                            first
                        },
                    )
                })
                .collect(),
            needs_elsewhere: elsewhere.sum(),
            unread: self.links.values().map(|link| link.sessions.unread()).sum(),
            recent: recent.unwrap_or_default(),
            quiet: notifications
                .do_not_disturb_until_ms
                .is_some_and(|until| self.now_ms() < until),
            gateways,
        }
    }

    pub(super) fn on_tray(&mut self, action: TrayAction) {
        match action {
            TrayAction::TogglePopup => self.toggle_popup(),
            TrayAction::OpenSession(session) => {
                self.set_target(WindowKind::Popup, &session);
                self.show_window(WindowKind::Popup);
            }
            TrayAction::OpenBrowser => self.show_window(WindowKind::Browser),
            TrayAction::OpenSettings => self.show_window(WindowKind::Settings),
            TrayAction::Approve(approval) => self.resolve_approval(&approval, Decision::AllowOnce, None),
            TrayAction::Deny(approval) => self.resolve_approval(&approval, Decision::Deny, None),
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
            TrayAction::Quit => self.stopping = true,
        }
    }
}
