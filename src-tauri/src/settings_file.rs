//! Watches the settings file, because people edit it by hand.

use notify::event::{AccessKind, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::ffi::OsStr;
use std::path::PathBuf;

/// Calls `changed` when the file may have changed, for as long as what this gives is kept. Without it the app looks for itself, less
/// often.
pub(crate) fn watch(file: PathBuf, changed: impl Fn() + Send + 'static) -> Option<RecommendedWatcher> {
    let folder = file.parent()?.to_owned();
    let name = file.file_name()?.to_owned();
    let tell = move |event: notify::Result<Event>| match event {
        Ok(event) if concerns(&event, &name) => changed(),
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "a change of the settings file may be missed"),
    };
    let started = notify::recommended_watcher(tell).and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    started
        .inspect_err(|error| tracing::info!(%error, "changes of the settings file are not told here"))
        .ok()
}

/// Whether a file with this name may be another now. Editors put one in the place of the other, so it is the folder that is watched.
fn concerns(event: &Event, name: &OsStr) -> bool {
    // Whoever reads it changes nothing: we do.
    let is_reading = matches!(
        event.kind,
        EventKind::Access(AccessKind::Open(_) | AccessKind::Read)
    );
    let is_it = event.paths.iter().any(|path| path.file_name() == Some(name));
    event.need_rescan() || (is_it && !is_reading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessMode, Flag};
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::Duration;
    use std::{fs, iter};

    #[test]
    fn every_way_to_change_it_is_told() {
        type Way = fn(&Path);
        let ways: [(&str, Way); 3] = [
            ("written", |file| fs::write(file, "{}").unwrap()),
            ("replaced", |file| {
                let other = file.with_extension("new");
                fs::write(&other, "{}").unwrap();
                fs::rename(&other, file).unwrap();
            }),
            ("removed", |file| fs::remove_file(file).unwrap()),
        ];
        for (way, change) in ways {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("settings.json");
            fs::write(&file, "{ }").unwrap();
            let (tell, told) = mpsc::channel();
            let told_of = move || {
                // The test may have seen enough.
                let _ = tell.send(());
            };
            let _watch = watch(file.clone(), told_of).expect("a watch");
            change(&file);
            assert!(told.recv_timeout(Duration::from_secs(30)).is_ok(), "{way}");
        }
    }

    #[test]
    fn readers_and_neighbours_change_nothing() {
        let (its, others) = (Path::new("/c/settings.json"), Path::new("/c/profiles.json"));
        let event = |kind: EventKind, path: &Path| Event::new(kind).add_path(path.to_owned());
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        let concerns = |event: &Event| concerns(event, OsStr::new("settings.json"));
        let changes = [event(written, its), event(EventKind::Any, its), lost];
        assert!(changes.iter().all(concerns));
        let others = iter::once(event(opened, its)).chain([event(written, others)]);
        assert!(!others.collect::<Vec<_>>().iter().any(concerns));
    }
}
