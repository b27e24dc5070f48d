//! Cleans up after a process that could not do it itself.
//!
//! `Drop` does not run if a test runner is killed or interrupted, or keeps a fixture in a static.
//! So a small shell waits on a pipe from us. When the pipe closes for any reason, the shell kills
//! the process groups and removes the folders on its list.

use std::path::Path;
#[cfg(unix)]
use std::{
    io::Write,
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock},
};

#[cfg(unix)]
const SCRIPT: &str = r#"
trap '' INT TERM HUP
groups=
while IFS= read -r line; do
  what=${line#* }
  case $line in
    '+group '*) groups="$groups $what" ;;
    '-group '*) left=; for g in $groups; do [ "$g" = "$what" ] || left="$left $g"; done; groups=$left ;;
    '+dir '*) set -- "$@" "$what" ;;
  esac
done
for g in $groups; do kill -KILL "-$g" 2>/dev/null; done
[ $# -eq 0 ] || { sleep 0.2; rm -rf -- "$@"; }
"#;

/// The process group `id` dies with us.
pub(crate) fn watch_group(id: u32) {
    tell(&format!("+group {id}"));
}

/// The process group `id` is gone.
pub(crate) fn forget_group(id: u32) {
    tell(&format!("-group {id}"));
}

/// The folder `path` is removed when we end.
pub(crate) fn watch_dir(path: &Path) {
    if let Some(path) = path.to_str() {
        tell(&format!("+dir {path}"));
    }
}

#[cfg(unix)]
fn tell(line: &str) {
    use std::os::unix::process::CommandExt;
    static PIPE: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();
    let pipe = PIPE.get_or_init(|| {
        // A group of its own: Ctrl+C in the terminal must not take the guardian first.
        Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .ok()
            .and_then(|mut child| child.stdin.take())
            .map(Mutex::new)
    });
    if let Some(mut pipe) = pipe.as_ref().and_then(|pipe| pipe.lock().ok()) {
        // Without a guardian only `Drop` cleans up; that is no reason to fail a test.
        let _ = writeln!(pipe, "{line}");
    }
}

#[cfg(not(unix))]
fn tell(_line: &str) {}
