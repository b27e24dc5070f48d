//! Names of things that are unique in this app.
//!
//! A session key is unique on its gateway only: `agent:main:main` exists on nearly all of them. A session is therefore
//! named together with its gateway, and a request keeps that name from the moment it is made.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;
use ts_rs::TS;

/// The id of a gateway profile, as [`crate::profiles::Profile::id`] has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export_to = "../../../ui/src/api/")]
pub struct GatewayId(pub String);

impl GatewayId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for GatewayId {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for GatewayId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<String> for GatewayId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub struct SessionRef {
    /// The gateway profile.
    pub gateway: GatewayId,
    /// The session's key on that gateway.
    pub session: String,
}

impl SessionRef {
    /// A session of a gateway profile.
    #[must_use]
    pub fn new(gateway: impl Into<GatewayId>, session: impl Into<String>) -> Self {
        Self {
            gateway: gateway.into(),
            session: session.into(),
        }
    }
}
