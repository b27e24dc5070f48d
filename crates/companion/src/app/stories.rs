//! Tests of the whole app with fake ports; each one tells a story.

use super::MemoryShelf;
use crate::api::{ConnectionWord, MessageState, NextStep, Request, Signal};
use crate::gateway::{CallError, Decision, PauseReason};
use crate::ports::{
    Clock, NotificationAction, NotificationResponse, NotificationResponseKind, SecretError, TrayAction,
    TrayItem, TraySign, WindowKind,
};
use crate::testing::{Bare, Desk, FakeGateway, Stage};
use serde_json::json;
use std::time::Duration;

const MAIN: &str = "agent:main:main";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
fn respond(stage: &Stage, tag: &str, kind: NotificationResponseKind) {
    stage.app.notification(NotificationResponse {
        tag: tag.to_owned(),
        kind,
    });
}

mod chat;
mod connection;
mod desktop;
mod language;
mod links;
mod needs;
mod outbox;
mod permission;
mod records;
mod which_gateway;
mod windows;
