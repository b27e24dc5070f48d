//! Secrets in the OS keychain, on a thread of its own, with a time limit.
