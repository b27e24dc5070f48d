//! Approvals of commands (`exec.approval.*`) and of plugin actions (`plugin.approval.*`).
//!
//! The gateway shows an approval to a client under three conditions. The client has the scope
//! `operator.approvals` and the capability `approvals`. It also has `operator.admin`, or its device
//! started the run.

use super::{NoParams, Scope, method};
use crate::ApprovalId;
use crate::event::ApprovalRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;

method!(
    /// Exec approvals that wait.
    ExecList = "exec.approval.list", Some(Scope::Approvals), NoParams => Approvals
);
method!(
    /// One exec approval.
    ExecGet = "exec.approval.get", Some(Scope::Approvals), IdParams => Value
);
method!(
    /// Decides an exec approval. The same decision twice is fine; another one is refused.
    ExecResolve = "exec.approval.resolve", Some(Scope::Approvals), ResolveParams => Value
);
method!(
    /// Plugin approvals that wait.
    PluginList = "plugin.approval.list", Some(Scope::Approvals), NoParams => Approvals
);
method!(
    /// Decides a plugin approval.
    PluginResolve = "plugin.approval.resolve", Some(Scope::Approvals), ResolveParams => Value
);
method!(
    /// One approval of any kind.
    Get = "approval.get", Some(Scope::Approvals), IdParams => Value
);

/// An approval's id.
#[derive(Clone, Debug, Serialize)]
pub struct IdParams {
    /// The approval.
    pub id: ApprovalId,
}

/// Parameters of `*.approval.resolve`.
#[derive(Clone, Debug, Serialize)]
pub struct ResolveParams {
    /// The approval.
    pub id: ApprovalId,
    /// `allow-once`, `allow-always`, `deny`; only one of `allowedDecisions` is taken.
    pub decision: String,
}

/// Result of `*.approval.list`: a bare array, or one under `approvals`.
#[derive(Clone, Debug, Default)]
pub struct Approvals(
    /// The approvals.
    pub Vec<ApprovalRecord>,
);

impl<'de> Deserialize<'de> for Approvals {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Bare(#[serde(deserialize_with = "crate::lenient::rows")] Vec<ApprovalRecord>),
            Named {
                #[serde(default, deserialize_with = "crate::lenient::rows")]
                approvals: Vec<ApprovalRecord>,
            },
        }
        Ok(match Shape::deserialize(d)? {
            Shape::Bare(approvals) | Shape::Named { approvals } => Self(approvals),
        })
    }
}
