//! WebSocket close codes of the gateway.

/// A close code, by what it means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000. Before `hello-ok`: the gateway could not read us, or 15 s went by.
    Normal,
    /// 1002: no protocol version in common.
    Protocol,
    /// 1006 or no close frame: the connection broke.
    Abnormal,
    /// 1008: refused; the reason is the error's message.
    Policy,
    /// 1009: a frame of ours was too big.
    TooBig,
    /// 1012: the gateway is restarting.
    ServiceRestart,
    /// 1013: the gateway is starting.
    TryAgainLater,
    /// 4000: we saw no tick in time (our own).
    TickTimeout,
    /// 4001: the device was removed, its token rotated, or the gateway's access settings changed.
    AccessChanged,
    /// Any other.
    Other(u16),
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        match code {
            1000 => Self::Normal,
            1002 => Self::Protocol,
            1005 | 1006 => Self::Abnormal,
            1008 => Self::Policy,
            1009 => Self::TooBig,
            1012 => Self::ServiceRestart,
            1013 => Self::TryAgainLater,
            4000 => Self::TickTimeout,
            4001 => Self::AccessChanged,
            other => Self::Other(other),
        }
    }
}
