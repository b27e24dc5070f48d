//! The menu of a tray item, over `com.canonical.dbusmenu`.

use super::{ItemAddress, ItemLook, TrayHost};
use anyhow::{Context, Result};
use std::collections::HashMap;
use zbus::zvariant::{OwnedValue, Value};

const MENU: &str = "com.canonical.dbusmenu";

/// An entry of a menu, and what is below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MenuEntry {
    /// The item's number for it.
    pub id: i32,
    /// Its text, without the underscore that marks an access key.
    pub label: String,
    /// It can be chosen.
    pub enabled: bool,
    /// It is shown.
    pub visible: bool,
    /// It is a line.
    pub is_separator: bool,
    /// Checked or not, when it is a check or radio entry.
    pub checked: Option<bool>,
    /// The submenu.
    pub children: Vec<MenuEntry>,
}

impl MenuEntry {
    /// The first entry, at any depth, whose text has `part`.
    #[must_use]
    pub fn find(&self, part: &str) -> Option<&MenuEntry> {
        if self.label.contains(part) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(part))
    }

    /// All texts, at any depth, in order.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        let own = Some(self.label.as_str()).filter(|label| !label.is_empty());
        own.into_iter()
            .chain(self.children.iter().flat_map(MenuEntry::labels))
            .collect()
    }
}

/// As the interface has it: id, properties, children as variants of the same.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

impl TrayHost {
    /// Opens an item's menu and reads it whole. The entry returned is the root, which has no text.
    ///
    /// # Errors
    /// The item is gone or has no menu.
    pub async fn menu(&self, item: &ItemAddress) -> Result<MenuEntry> {
        let look = self.look(item).await?;
        let path = menu_path(&look)?;
        let service = Some(item.service.as_str());
        // Items that do not fill their menu on demand may not know this call.
        let _ = self
            .connection
            .call_method(service, path, Some(MENU), "AboutToShow", &(0_i32,))
            .await;
        let arguments = (0_i32, -1_i32, Vec::<String>::new());
        let reply = self
            .connection
            .call_method(service, path, Some(MENU), "GetLayout", &arguments)
            .await?;
        let (_revision, root): (u32, Layout) = reply.body().deserialize()?;
        entry(root)
    }

    /// Chooses the entry with this number.
    ///
    /// # Errors
    /// The item is gone or has no menu.
    pub async fn choose(&self, item: &ItemAddress, id: i32) -> Result<()> {
        let look = self.look(item).await?;
        let path = menu_path(&look)?;
        let arguments = (id, "clicked", Value::from(0_i32), 0_u32);
        let service = Some(item.service.as_str());
        self.connection
            .call_method(service, path, Some(MENU), "Event", &arguments)
            .await?;
        Ok(())
    }
}

fn menu_path(look: &ItemLook) -> Result<&str> {
    look.menu.as_deref().context("the tray item has no menu")
}

fn entry((id, mut properties, children): Layout) -> Result<MenuEntry> {
    let label: String = super::take(&mut properties, "label").unwrap_or_default();
    let kind: String = super::take(&mut properties, "type").unwrap_or_default();
    let toggle: String = super::take(&mut properties, "toggle-type").unwrap_or_default();
    let state: i32 = super::take(&mut properties, "toggle-state").unwrap_or(0);
    Ok(MenuEntry {
        id,
        label: label.replace('_', ""),
        enabled: super::take(&mut properties, "enabled").unwrap_or(true),
        visible: super::take(&mut properties, "visible").unwrap_or(true),
        is_separator: kind == "separator",
        checked: (!toggle.is_empty()).then_some(state == 1),
        children: children
            .into_iter()
            .map(|child| entry(Layout::try_from(child).context("a menu entry is not what it should be")?))
            .collect::<Result<_>>()?,
    })
}
