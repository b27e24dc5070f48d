//! Opens the files of an earlier run, and reports those that cannot be used.

use super::App;
use super::records;
use super::shelf::{MemoryShelf, Shelf};
use super::shelf_on_disk::StoreShelf;
use crate::paths::Paths;
use crate::settings::Unreadable;
use crate::store::{Repair, Store, StoreHandle, StoreOptions};
use std::sync::Arc;

/// The store in the data folder. Without one the app works, nothing outlives it, and the answer's last says so.
pub(super) fn open_shelf(paths: &Paths, cache_megabytes: u32) -> (Box<dyn Shelf>, Option<StoreHandle>, bool) {
    let options = StoreOptions {
        cache_bytes: records::bytes(cache_megabytes),
        ..StoreOptions::default()
    };
    match Store::open(&paths.data, options).and_then(StoreHandle::new) {
        Ok(records) => {
            let store = Arc::clone(records.blocking());
            (Box::new(StoreShelf::new(store)), Some(records), false)
        }
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
        gateways_set_aside: bool,
        no_store: bool,
    ) {
        if let Some(unreadable) = settings {
            self.plain_notice("settings-unreadable", move |words| match unreadable {
                Unreadable::SetAside => words.settings_set_aside,
                Unreadable::InPlace => words.settings_unreadable,
            });
        }
        if gateways_set_aside {
            self.plain_notice("gateways-unreadable", |words| words.gateways_set_aside);
        }
        if no_store {
            self.plain_notice("store", |words| words.no_data_folder);
        }
        self.say_repairs();
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
