//! The test bench: real gateway from npm, scripted model, headless desktop session.
