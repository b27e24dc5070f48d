//! Whole-product tests: real gateway, real desktop session.
