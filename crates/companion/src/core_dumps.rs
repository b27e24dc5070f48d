//! What the system keeps of a process that crashes.

/// Keeps the system from writing this process's memory to a file when it crashes: there are tokens and keys in it. Child
/// processes inherit it. Without effect where the system does not allow it.
#[cfg(unix)]
pub fn switch_off() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let known = getrlimit(Resource::Core);
    // Linux asks nobody for the size of a dump that goes to a program, unless the limit is one byte: then there is none.
    let current = known.maximum.map_or(1, |most| most.min(1));
    let limit = Rlimit {
        current: Some(current),
        maximum: known.maximum,
    };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!(%error, "core dumps stay as they are");
    }
}

/// Nothing to switch off here.
#[cfg(not(unix))]
pub fn switch_off() {}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn no_dump_is_large_enough_to_be_written() {
        super::switch_off();
        let now = getrlimit(Resource::Core).current;
        assert!(now.is_some_and(|bytes| bytes <= 1), "{now:?}");
    }
}
