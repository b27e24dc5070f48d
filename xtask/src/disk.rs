//! Checks whether the disk has room for a build, so that a full disk is reported before the
//! compiler fails.

use crate::steps::{Steps, root, target_dir};
use std::path::{Path, PathBuf};

/// Says so when less than `megabytes` (10^6 bytes) are free for what cargo builds. Only a warning: what lies there already may
/// be most of it.
pub(crate) fn warn(steps: &Steps, megabytes: u64) {
    let folder = existing(target_dir());
    match free(&folder) {
        Some(free) if free < megabytes => steps.say(
            "disk",
            &format!(
                "{} has {} free, and a first build takes {}: if it stops, {HELP}",
                folder.display(),
                gigabytes(free),
                gigabytes(megabytes)
            ),
        ),
        Some(_) | None => {}
    }
}

/// What to do, when a step failed and the disk is full.
pub(crate) fn full() -> Option<String> {
    // The compiler removes what it could not finish, so some is free again.
    const LITTLE: u64 = 200;
    [existing(target_dir()), root(), std::env::temp_dir()]
        .iter()
        .find_map(|folder| {
            let free = free(folder).filter(|free| *free < LITTLE)?;
            Some(format!(
                "the disk of {} is full ({free} MB free): {HELP}",
                folder.display()
            ))
        })
}

const HELP: &str = "free some (`cargo clean` removes all that was built here), or name a folder on a larger disk in \
                    CARGO_TARGET_DIR";

/// The nearest folder that is there.
fn existing(mut folder: PathBuf) -> PathBuf {
    while !folder.is_dir() && folder.pop() {}
    folder
}

/// What is free for us at `folder`, in megabytes (10^6 bytes). None where that cannot be told.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    // Both are 32 bits wide on some systems.
    #[allow(clippy::useless_conversion, reason = "not everywhere")]
    let (blocks, size) = (
        u64::from(disk.blocks_available()),
        u64::from(disk.fragment_size()),
    );
    Some(blocks.saturating_mul(size) / 1_000_000)
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

fn gigabytes(megabytes: u64) -> String {
    format!("{}.{} GB", megabytes / 1000, megabytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_what_df_says_and_a_folder_that_is_not_there_yet_counts_as_its_parent() {
        let folder = existing(root().join("no/such/folder"));
        assert_eq!(folder, root());
        if cfg!(unix) {
            let df = std::process::Command::new("df").arg("-Pk").arg(&folder).output();
            let df = String::from_utf8(df.expect("df").stdout).expect("text");
            let words: Vec<&str> = df.lines().last().expect("a line").split_whitespace().collect();
            let said = words[words.len() - 3].parse::<u64>().expect("a number") * 1024 / 1_000_000;
            let free = free(&folder).expect("free space");
            // Others write meanwhile.
            assert!(free.abs_diff(said) < 2_000, "{free} {said}");
        }
        assert_eq!(gigabytes(7_690), "7.6 GB");
    }
}
