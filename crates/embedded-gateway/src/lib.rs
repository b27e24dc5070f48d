//! A gateway in-process: first run, tests, and the local bridge.
