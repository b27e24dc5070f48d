use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a window gets when a request fails. Windows branch on `code`, never on `message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "../../../ui/src/api/")]
pub struct UiError {
    /// A stable word, for example `not-connected`, `too-large`, `refused`, `keychain-locked`, `not-found`, `invalid`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// One next step for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hint: Option<String>,
    /// When trying again makes sense, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub retry_after_ms: Option<u64>,
}
