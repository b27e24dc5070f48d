//! Methods: one type each, with its name, parameters, result and required scope.
//!
//! Parameters are written exactly as the schema demands, because the gateway refuses unknown
//! properties. Results are read leniently. Methods without a type here can still be called by name.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod agents;
pub mod approvals;
pub mod artifacts;
pub mod chat;
pub mod cron;
pub mod devices;
pub mod questions;
pub mod sessions;
pub mod status;

/// A method of the gateway.
pub trait Method {
    /// Its name on the wire.
    const NAME: &'static str;
    /// The scope it needs; nothing where it depends on the parameters or no scope is needed.
    const SCOPE: Option<Scope>;
    /// Its parameters.
    type Params: Serialize + Send + Sync;
    /// Its result.
    type Result: DeserializeOwned;
}

/// A scope of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `operator.read`
    Read,
    /// `operator.write`
    Write,
    /// `operator.admin`, which implies the others.
    Admin,
    /// `operator.approvals`
    Approvals,
    /// `operator.questions`
    Questions,
    /// `operator.pairing`
    Pairing,
}

impl Scope {
    /// The scope as the gateway spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Admin => "operator.admin",
            Self::Approvals => "operator.approvals",
            Self::Questions => "operator.questions",
            Self::Pairing => "operator.pairing",
        }
    }

    /// Whether a set of granted scopes includes this one. Admin includes all, write includes read.
    #[must_use]
    pub fn is_in(self, granted: &[String]) -> bool {
        granted.iter().any(|scope| {
            scope == self.as_str()
                || scope == Self::Admin.as_str()
                || (self == Self::Read && scope == Self::Write.as_str())
        })
    }
}

/// Parameters of a method that takes none.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct NoParams {}

macro_rules! method {
    ($(#[$doc:meta])* $type:ident = $name:literal, $scope:expr, $params:ty => $result:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $type;
        impl $crate::method::Method for $type {
            const NAME: &'static str = $name;
            const SCOPE: Option<$crate::method::Scope> = $scope;
            type Params = $params;
            type Result = $result;
        }
    };
}
pub(crate) use method;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_imply_each_other_as_the_gateway_says() {
        let write = vec!["operator.write".to_owned()];
        let admin = vec!["operator.admin".to_owned()];
        assert!(Scope::Read.is_in(&write) && !Scope::Approvals.is_in(&write));
        assert!(Scope::Approvals.is_in(&admin) && Scope::Pairing.is_in(&admin));
        assert!(!Scope::Read.is_in(&[]));
    }
}
