//! Opens the files of an earlier run, and reports those that cannot be used.

use super::App;
use super::records;
use super::shelf::{MemoryShelf, Shelf};
use super::shelf_on_disk::StoreShelf;
use crate::paths::Paths;
use crate::settings::Unreadable;
use crate::store::{Repair, Store, StoreHandle, StoreOptions};

/// The store in the data folder. Without one the app works, nothing outlives it, and the answer's last says so.
pub(super) fn open_shelf(paths: &Paths, cache_megabytes: u32) -> (Box<dyn Shelf>, Option<StoreHandle>, bool) {
    let options = StoreOptions {
        cache_bytes: records::bytes(cache_megabytes),
        ..StoreOptions::default()
    };
    match Store::open(&paths.data, options).and_then(StoreHandle::new) {
        Ok(records) => (Box::new(StoreShelf::new(records.clone())), Some(records), false),
        Err(error) => {
            tracing::warn!(%error, help = error.next_step(), "the store could not be opened");
            (Box::new(MemoryShelf::default()), None, true)
        }
    }
}

impl App {
    /// Says at the start what of the files could not be used.
    pub(super) fn say_what_files_lack(
        &mut self,
        settings: Option<Unreadable>,
        gateways: Option<Unreadable>,
        no_store: bool,
    ) {
        self.say_what_settings_lack(settings);
        self.say_what_gateways_lack(gateways);
        if no_store {
            self.plain_notice("store", |words| words.no_data_folder);
        }
        self.say_repairs();
    }

    pub(super) fn say_what_settings_lack(&mut self, problem: Option<Unreadable>) {
        let Some(unreadable) = problem else {
            return self.withdraw_notice("settings-unreadable");
        };
        self.plain_notice("settings-unreadable", move |words| match unreadable {
            Unreadable::SetAside => words.settings_set_aside,
            Unreadable::InPlace => words.settings_unreadable,
            Unreadable::Newer => words.settings_newer,
        });
    }

    fn say_what_gateways_lack(&mut self, problem: Option<Unreadable>) {
        let Some(unreadable) = problem else {
            return self.withdraw_notice("gateways-unreadable");
        };
        self.plain_notice("gateways-unreadable", move |words| match unreadable {
            Unreadable::SetAside => words.gateways_set_aside,
            Unreadable::InPlace => words.gateways_unreadable,
            Unreadable::Newer => words.gateways_newer,
        });
    }

    /// Says when the list of gateways cannot be written, and when it can again.
    pub(super) fn say_if_gateways_are_not_written(&mut self) {
        match self.profiles.take_written() {
            Some(true) => self.withdraw_notice("gateways-not-written"),
            Some(false) => self.plain_notice("gateways-not-written", |words| words.gateways_not_written),
            None => {}
        }
    }

    /// A list of gateways that could not be read is tried again.
    pub(super) fn read_gateways_again(&mut self) {
        if !self.profiles.read_again() {
            return;
        }
        self.say_what_gateways_lack(self.profiles.left_alone());
        let all: Vec<String> = self
            .profiles
            .all()
            .iter()
            .map(|profile| profile.id.clone())
            .collect();
        for id in all {
            if !self.links.contains_key(&id) {
                self.connect(&id);
            }
        }
        self.publisher.all_dirty();
    }

    /// Says what the store had to mend since it was asked last. Whether the local copy is empty now.
    pub(super) fn say_repairs(&mut self) -> bool {
        let repairs = self
            .records
            .as_ref()
            .map(|records| records.blocking().take_repairs())
            .unwrap_or_default();
        let mut emptied = false;
        for repair in repairs {
            match repair {
                Repair::CacheRebuilt => {
                    self.plain_notice("cache-rebuilt", |words| words.copy_rebuilt);
                    emptied = true;
                }
                Repair::OutboxSalvaged { kept, complete } => {
                    let kept = u32::try_from(kept).unwrap_or(u32::MAX);
                    self.notice("store", move |words| {
                        let say = if complete {
                            words.outbox_saved
                        } else {
                            words.outbox_salvaged
                        };
                        (say(kept), "")
                    });
                }
            }
        }
        emptied
    }
}
