//! How many approvals and questions are told one by one.

/// Approvals and questions of a gateway that are told one by one within [`BURST_MS`].
const BURST: usize = 5;
/// How long a burst is, in milliseconds.
pub const BURST_MS: i64 = 10_000;

/// Keeps a flood of approvals from becoming a flood of notifications.
#[derive(Clone, Debug, Default)]
pub struct Burst {
    told_ms: Vec<i64>,
}

impl Burst {
    /// Whether one more may be told by itself now, in milliseconds since the epoch.
    pub fn admits(&mut self, now_ms: i64) -> bool {
        // A clock that was set back starts anew.
        self.told_ms
            .retain(|told| (0..BURST_MS).contains(&now_ms.saturating_sub(*told)));
        let admits = self.told_ms.len() < BURST;
        if admits {
            self.told_ms.push(now_ms);
        }
        admits
    }
}
